# cmake --install: PREFIX/bin/phasegate finds its workflows in
# PREFIX/share/phasegate. Three components: the program, the shared library,
# and what is needed to build on it. packaging/deb/build makes packages of them.
include(GNUInstallDirs)
install(TARGETS phasegate COMPONENT phasegate)
install(DIRECTORY examples/workflows
        DESTINATION ${CMAKE_INSTALL_DATADIR}/phasegate COMPONENT phasegate)

# What shells and man(1) read comes from the rows of the program itself: never
# in the tree, so never old.
if(NOT CMAKE_CROSSCOMPILING)
  set(made ${PROJECT_BINARY_DIR}/made)
  file(MAKE_DIRECTORY ${made})
  set(made_files "")
  foreach(row "phasegate.1|manual" "phasegate|completion;bash"
              "_phasegate|completion;zsh" "phasegate.fish|completion;fish")
    string(REGEX MATCH "^([^|]*)\\|(.*)$" ignored "${row}")
    set(file ${CMAKE_MATCH_1})
    set(words ${CMAKE_MATCH_2})
    add_custom_command(OUTPUT ${made}/${file}
      COMMAND phasegate ${words} > ${made}/${file} DEPENDS phasegate VERBATIM)
    list(APPEND made_files ${made}/${file})
  endforeach()
  add_custom_target(made ALL DEPENDS ${made_files})
  install(FILES ${made}/phasegate.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
          COMPONENT phasegate)
  install(FILES ${made}/phasegate
          DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
          COMPONENT phasegate)
  install(FILES ${made}/_phasegate
          DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions
          COMPONENT phasegate)
  install(FILES ${made}/phasegate.fish
          DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d
          COMPONENT phasegate)
endif()

# pkg-config finds the prefix from where the file lies, so that an installed
# tree can be moved.
file(RELATIVE_PATH MCP_PREFIX_FROM_PC
     /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/phasegate-mcp.pc.in phasegate-mcp.pc @ONLY)
install(TARGETS phasegate-mcp
        LIBRARY COMPONENT library NAMELINK_COMPONENT development)
install(FILES ${MCP_ARCHIVE} DESTINATION ${CMAKE_INSTALL_LIBDIR}
        COMPONENT development)
install(FILES include/phasegate-mcp.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(FILES ${PROJECT_BINARY_DIR}/phasegate-mcp.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

# Where systemd looks; below the prefix, so that any prefix can be tried.
install(FILES packaging/systemd/phasegate@.service
              packaging/systemd/phasegate@.socket
        DESTINATION lib/systemd/system COMPONENT phasegate)
install(FILES packaging/systemd/phasegate.conf DESTINATION lib/sysusers.d
        COMPONENT phasegate)

include(cmake/package.cmake)
