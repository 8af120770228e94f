# hold_to_banned(target [MAY_PRINT]): base/banned.h stands before every source.
function(hold_to_banned target)
  target_compile_options(${target} PRIVATE
    -include ${PROJECT_SOURCE_DIR}/base/banned.h)
  if("MAY_PRINT" IN_LIST ARGN)
    target_compile_definitions(${target} PRIVATE PHASEGATE_MAY_PRINT=1)
  endif()
endfunction()

# room(path [PUBLIC libs] [PRIVATE libs]): one static library per folder.
# Every .c file of the folder belongs to it (main.c, the program's entry, does
# not): a new file needs no edit here.
function(room path)
  cmake_parse_arguments(ROOM "" "" "PUBLIC;PRIVATE" ${ARGN})
  get_filename_component(name ${path} NAME)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${path}/*.c)
  list(FILTER sources EXCLUDE REGEX "/main\\.c$")
  if(NOT sources)
    add_library(pg_${name} INTERFACE)
    target_include_directories(pg_${name} INTERFACE ${PROJECT_SOURCE_DIR})
    target_link_libraries(pg_${name} INTERFACE ${ROOM_PUBLIC} ${ROOM_PRIVATE})
    return()
  endif()
  add_library(pg_${name} STATIC ${sources})
  target_include_directories(pg_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(pg_${name} PUBLIC ${ROOM_PUBLIC} PRIVATE ${ROOM_PRIVATE})
  target_compile_definitions(pg_${name} PRIVATE PHASEGATE_VERSION="${PROJECT_VERSION}")
  if(path STREQUAL "cli")
    hold_to_banned(pg_${name} MAY_PRINT)
  else()
    hold_to_banned(pg_${name})
  endif()
endfunction()

# page(room folder): the operator's page, from the folder's sources into the
# room's library.
function(page room folder)
  set(out ${PROJECT_BINARY_DIR}/${folder}.c)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/page.*
       ${PROJECT_SOURCE_DIR}/${folder}/*.js)
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -D FOLDER=${PROJECT_SOURCE_DIR}/${folder}
            -D OUT=${out} -P ${PROJECT_SOURCE_DIR}/cmake/page.cmake
    DEPENDS ${sources} ${PROJECT_SOURCE_DIR}/cmake/page.cmake
    COMMENT "The operator's page" VERBATIM)
  target_sources(pg_${room} PRIVATE ${out})
endfunction()
