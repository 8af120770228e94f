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
