# What `cmake --install` puts where (GNUInstallDirs), and the Debian package that CPack makes of it.
include(GNUInstallDirs)
# /usr has its configuration in /etc; any other prefix below itself, where --prefix can still move it.
set(co_etc ${CMAKE_INSTALL_SYSCONFDIR}/checkout-session)
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(co_etc ${CMAKE_INSTALL_FULL_SYSCONFDIR}/checkout-session)
endif()
set(co_doc ${CMAKE_INSTALL_DATAROOTDIR}/doc/checkout-session)
set(co_packaging ${CMAKE_SOURCE_DIR}/config/packaging)

install(TARGETS session-worker RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS checkoutctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${co_packaging}/session-worker.conf DESTINATION ${co_etc}
  PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
install(FILES ${CMAKE_SOURCE_DIR}/config/session-worker.example.conf ${CMAKE_SOURCE_DIR}/config/merchants.example.json
  DESTINATION ${co_doc}/examples)
install(FILES ${CMAKE_SOURCE_DIR}/config/prometheus/alerts.yml DESTINATION ${co_doc}/examples/prometheus OPTIONAL)
install(FILES ${CMAKE_SOURCE_DIR}/config/grafana/checkout-session.json DESTINATION ${co_doc}/examples/grafana OPTIONAL)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs/ DESTINATION ${co_doc} FILES_MATCHING PATTERN "*.md" PATTERN man EXCLUDE)
install(FILES ${CMAKE_SOURCE_DIR}/README.md ${CMAKE_SOURCE_DIR}/SECURITY.md ${CMAKE_SOURCE_DIR}/CHANGELOG.md
  DESTINATION ${co_doc} OPTIONAL)

install(FILES ${co_packaging}/debian/copyright DESTINATION ${co_doc})

# systemd looks below /usr/lib and /etc, whatever the prefix is.
configure_file(${co_packaging}/session-worker.service.in ${CMAKE_BINARY_DIR}/session-worker.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/session-worker.service DESTINATION lib/systemd/system)

# Settings and options have one place, the program: two of the three pages are made of what it prints.
set(co_man_pages ${CMAKE_BINARY_DIR}/man/session-worker.conf.5 ${CMAKE_BINARY_DIR}/man/checkoutctl.1)
add_custom_command(OUTPUT ${co_man_pages}
  COMMAND ${CMAKE_COMMAND} -DWORKER=$<TARGET_FILE:session-worker> -DCTL=$<TARGET_FILE:checkoutctl>
    -DOUT=${CMAKE_BINARY_DIR}/man -P ${CMAKE_SOURCE_DIR}/cmake/ManPages.cmake
  DEPENDS session-worker checkoutctl ${CMAKE_SOURCE_DIR}/cmake/ManPages.cmake VERBATIM)
add_custom_target(co_man ALL DEPENDS ${co_man_pages})
install(FILES ${CMAKE_SOURCE_DIR}/docs/man/session-worker.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${CMAKE_BINARY_DIR}/man/session-worker.conf.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES ${CMAKE_BINARY_DIR}/man/checkoutctl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

# ---- the Debian package: ./run package ------------------------------------------------------------------------------

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME checkout-session)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "Checkout Session <checkout-session@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "event-driven checkout-session service on Kafka and Redis")
set(CPACK_PACKAGE_DESCRIPTION "session-worker judges checkout commands from a Kafka topic and writes
replies, errors, events and state in one transaction per batch; Redis is a view that can be lost
at any moment. checkoutctl is the operator's and developer's tool.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON) # /etc is not below /usr
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "redis-server, systemd")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${co_packaging}/debian/conffiles ${co_packaging}/debian/postinst
  ${co_packaging}/debian/prerm ${co_packaging}/debian/postrm)
include(CPack)
