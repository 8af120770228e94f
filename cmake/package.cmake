# Debian packages by CPack: one for each component, what they depend on found by
# dpkg-shlibdeps.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME phasegate)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "phasegate maintainers <maintainers@phasegate.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL phasegate library development)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_PHASEGATE_PACKAGE_NAME phasegate)
set(CPACK_DEBIAN_PHASEGATE_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PHASEGATE_PACKAGE_CONTROL_EXTRA
    ${PROJECT_SOURCE_DIR}/packaging/deb/postinst)
set(CPACK_COMPONENT_PHASEGATE_DESCRIPTION
"MCP server that leads coding agents through phase-gated workflows
 One native process: an editor starts it and talks to it over stdin and
 stdout, sub-agents reach the same process over HTTP. A phase opens when the
 evidence of the one before has passed its gate.")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libphasegate-mcp${MCP_SOVERSION})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION
"MCP servers in C, of every revision
 The library of phasegate that speaks the Model Context Protocol on stdio and
 over HTTP.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libphasegate-mcp-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "libphasegate-mcp${MCP_SOVERSION} (= ${PROJECT_VERSION}), libevent-dev")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
"MCP servers in C, of every revision: development files
 One header, the static library and a pkg-config file.")

# Each package says its licence where Debian looks for it.
foreach(row "phasegate|phasegate" "library|libphasegate-mcp${MCP_SOVERSION}"
            "development|libphasegate-mcp-dev")
  string(REPLACE "|" ";" row ${row})
  list(GET row 0 component)
  list(GET row 1 package)
  install(FILES LICENSE DESTINATION share/doc/${package} RENAME copyright
          COMPONENT ${component})
endforeach()
include(CPack)
