# libphasegate-mcp: mcp/, transport/ and what they use of base/, behind the one
# header include/phasegate-mcp.h. Everything is compiled with hidden visibility
# but for what that header declares, so both libraries offer its names only.
set(MCP_SOVERSION 0) # grows with every change that breaks a compiled program

# Shared, with versioned symbols.
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/phasegate-mcp.map @ONLY CONTENT
"PHASEGATE_MCP_@MCP_SOVERSION@ {\n  global: mcp_*;\n  local: *;\n};\n")
add_library(phasegate-mcp SHARED
  $<TARGET_OBJECTS:pg_mcp> $<TARGET_OBJECTS:pg_transport>)
target_include_directories(phasegate-mcp INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(phasegate-mcp PRIVATE pg_base PkgConfig::EVENT)
target_link_options(phasegate-mcp PRIVATE -Wl,--as-needed
  -Wl,--version-script=${PROJECT_BINARY_DIR}/phasegate-mcp.map)
set_target_properties(phasegate-mcp PROPERTIES LINKER_LANGUAGE C
  VERSION ${PROJECT_VERSION} SOVERSION ${MCP_SOVERSION}
  LINK_DEPENDS ${PROJECT_BINARY_DIR}/phasegate-mcp.map)

# Static: one object, in which every other name has become local, so that no
# name of a room can meet one of the program's.
set(MCP_ARCHIVE ${PROJECT_BINARY_DIR}/libphasegate-mcp.a)
add_custom_command(OUTPUT ${MCP_ARCHIVE}
  COMMAND ${CMAKE_LINKER} -r --whole-archive $<TARGET_FILE:pg_mcp>
          $<TARGET_FILE:pg_transport> --no-whole-archive $<TARGET_FILE:pg_base>
          -o phasegate-mcp.o
  COMMAND ${CMAKE_OBJCOPY} --localize-hidden phasegate-mcp.o
  COMMAND ${CMAKE_COMMAND} -E rm -f ${MCP_ARCHIVE}
  COMMAND ${CMAKE_AR} rcsD ${MCP_ARCHIVE} phasegate-mcp.o
  DEPENDS pg_mcp pg_transport pg_base
  VERBATIM)
add_custom_target(phasegate-mcp-static ALL DEPENDS ${MCP_ARCHIVE})
