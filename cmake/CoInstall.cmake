# What `cmake --install` puts where (GNUInstallDirs), and the Debian package that CPack makes of it.
include(GNUInstallDirs)
set(co_doc ${CMAKE_INSTALL_DATAROOTDIR}/doc/checkout-session)
set(co_packaging ${CMAKE_SOURCE_DIR}/config/packaging)

install(TARGETS session-worker RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS checkoutctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${CMAKE_SOURCE_DIR}/config/session-worker.example.conf ${CMAKE_SOURCE_DIR}/config/merchants.example.json
  DESTINATION ${co_doc}/examples)
install(FILES ${CMAKE_SOURCE_DIR}/config/prometheus/alerts.yml DESTINATION ${co_doc}/examples/prometheus OPTIONAL)
install(FILES ${CMAKE_SOURCE_DIR}/config/grafana/checkout-session.json DESTINATION ${co_doc}/examples/grafana OPTIONAL)
# As they lie in the sources, so that what the documents say of each other still leads there.
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs DESTINATION ${co_doc} FILES_MATCHING PATTERN "*.md"
  PATTERN man EXCLUDE PATTERN images EXCLUDE)
install(FILES ${CMAKE_SOURCE_DIR}/README.md ${CMAKE_SOURCE_DIR}/SECURITY.md ${CMAKE_SOURCE_DIR}/CHANGELOG.md
  DESTINATION ${co_doc} OPTIONAL)

install(FILES ${co_packaging}/debian/copyright DESTINATION ${co_doc})

# /usr has its configuration in /etc, any other prefix below itself. Known at install time alone, as --prefix may be
# given then; and the unit names both. systemd looks for units below /usr, /usr/local and /etc.
install(CODE "
  set(co_unit_sbin \"${CMAKE_INSTALL_SBINDIR}\")
  set(co_unit_etc \"${CMAKE_INSTALL_SYSCONFDIR}/checkout-session\")
  cmake_path(ABSOLUTE_PATH co_unit_sbin BASE_DIRECTORY \"\${CMAKE_INSTALL_PREFIX}\")
  if(CMAKE_INSTALL_PREFIX STREQUAL \"/usr\")
    cmake_path(ABSOLUTE_PATH co_unit_etc BASE_DIRECTORY /)
  else()
    cmake_path(ABSOLUTE_PATH co_unit_etc BASE_DIRECTORY \"\${CMAKE_INSTALL_PREFIX}\")
  endif()
  if(NOT EXISTS \"\$ENV{DESTDIR}\${co_unit_etc}/session-worker.conf\") # an operator's changes stay
    file(INSTALL DESTINATION \"\${co_unit_etc}\" TYPE FILE FILES \"${co_packaging}/session-worker.conf\"
      PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  endif()
  configure_file(\"${co_packaging}/session-worker.service.in\" \"${CMAKE_BINARY_DIR}/session-worker.service\" @ONLY)")
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

# One time for all files of the package and its changelog: SOURCE_DATE_EPOCH, else that of the last commit, else (an
# archive) that of the changelog. The same sources give the same bytes.
set(co_epoch "$ENV{SOURCE_DATE_EPOCH}")
if(co_epoch STREQUAL "")
  execute_process(COMMAND git log -1 --format=%ct WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    OUTPUT_VARIABLE co_epoch OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT co_epoch MATCHES "^[0-9]+$")
  file(TIMESTAMP ${CMAKE_SOURCE_DIR}/CHANGELOG.md co_epoch "%s" UTC)
endif()
set(ENV{SOURCE_DATE_EPOCH} ${co_epoch})
string(TIMESTAMP co_changelog_date "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE ${CMAKE_BINARY_DIR}/CPackTime.cmake "set(ENV{SOURCE_DATE_EPOCH} ${co_epoch})\n")
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_BINARY_DIR}/CPackTime.cmake)

set(CO_PACKAGE_MAINTAINER "Checkout Session Maintainers <maintainers@checkout-session.example>" CACHE STRING
  "Maintainer of the Debian package: whoever answers for it where it is installed")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME checkout-session)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_DEBIAN_PACKAGE_RELEASE 1) # raised when only the packaging changes
set(CPACK_PACKAGE_CONTACT ${CO_PACKAGE_MAINTAINER})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "event-driven checkout-session service on Kafka and Redis")
set(CPACK_PACKAGE_DESCRIPTION "session-worker judges checkout commands (CloudEvents) from a Kafka topic and
writes replies, errors, lifecycle events and state in one Kafka transaction
per batch. Every command gets exactly one reply, and every session expires
on time and exactly once. Redis is a view that can be lost at any moment.

checkoutctl is the operator's and developer's tool: it sends commands,
watches what comes back, and makes and checks topics.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON) # /etc is not below /usr
configure_file(${CMAKE_SOURCE_DIR}/cmake/DebianStage.cmake.in ${CMAKE_BINARY_DIR}/DebianStage.cmake @ONLY)
configure_file(${co_packaging}/debian/changelog.in ${CMAKE_BINARY_DIR}/changelog.Debian @ONLY)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_BINARY_DIR}/DebianStage.cmake)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
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
