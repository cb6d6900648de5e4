# The Debian package: what it installs, and `cpack -G DEB`. deploy/debian/build does all of it.
include(GNUInstallDirs)
find_program(HELP2MAN help2man REQUIRED)
find_program(GZIP gzip REQUIRED)

set(SOCKET_EXPORTER_MAINTAINER "socket_exporter maintainers <socket-exporter@localhost>" CACHE STRING "Who answers for the package")

set(package socket-exporter)
set(debian ${PROJECT_SOURCE_DIR}/deploy/debian)
set(made ${PROJECT_BINARY_DIR}/debian)
file(MAKE_DIRECTORY ${made})

# 0.1.0 for the commit with the tag v0.1.0, and 0.1.0~20261122093000.g1a2b3c4 on the way to it.
function(version_of_package variable)
  execute_process(COMMAND git tag --points-at HEAD WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
                  OUTPUT_VARIABLE tags ERROR_QUIET)
  execute_process(COMMAND git log -1 --date=format-local:%Y%m%d%H%M%S --format=~%cd.g%h
                  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE suffix
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(tags MATCHES "(^|\n)v${PROJECT_VERSION}\n")
    set(suffix "")
  endif()
  set(${variable} ${PROJECT_VERSION}${suffix} PARENT_SCOPE)
endfunction()

# manual(NAME HELP_OPTION SUMMARY): a page of the manual, from what the program says itself.
function(manual name option summary)
  add_custom_command(
    OUTPUT ${made}/${name}.1.gz
    COMMAND ${HELP2MAN} --no-info --name=${summary} --help-option=${option} --version-string=${PROJECT_VERSION}
            --include=${debian}/manual.h2m --output=${made}/${name}.1 $<TARGET_FILE:socket_exporter>
    COMMAND sed -E -i "s/\\\\fR(\\.[a-z_.\\\\-]+)/\\1\\\\fR/g" ${made}/${name}.1  # a flag is bold to its end
    COMMAND ${GZIP} --best --no-name --force ${made}/${name}.1
    DEPENDS socket_exporter ${debian}/manual.h2m
    VERBATIM)
  set_property(GLOBAL APPEND PROPERTY manual_pages ${made}/${name}.1.gz)
endfunction()

manual(socket_exporter --help "Prometheus exporter for sockets, ephemeral ports and WebSocket connections")
manual(socket_exporter-check "check --help" "check the sockets and ports of this host")
manual(socket_exporter-report "report --help" "tell who uses the ports of this host, and why")
get_property(pages GLOBAL PROPERTY manual_pages)
add_custom_target(manual ALL DEPENDS ${pages})
add_custom_command(
  OUTPUT ${made}/metrics.md
  COMMAND socket_exporter metrics > ${made}/metrics.md
  DEPENDS socket_exporter)
add_custom_target(metric_reference ALL DEPENDS ${made}/metrics.md)

add_custom_command(
  OUTPUT ${made}/sbom.cdx.json
  COMMAND ${debian}/sbom $<TARGET_FILE:socket_exporter> ${PROJECT_VERSION} > ${made}/sbom.cdx.json
  DEPENDS socket_exporter ${debian}/sbom ${PROJECT_SOURCE_DIR}/deploy/build-packages)
add_custom_target(sbom ALL DEPENDS ${made}/sbom.cdx.json)

set(CPACK_PACKAGE_CONTACT ${SOCKET_EXPORTER_MAINTAINER})
version_of_package(version)
string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC)  # of SOURCE_DATE_EPOCH
configure_file(${debian}/changelog.in ${made}/changelog @ONLY)
execute_process(COMMAND ${GZIP} --best --no-name --force ${made}/changelog COMMAND_ERROR_IS_FATAL ANY)
file(COPY ${PROJECT_SOURCE_DIR}/CHANGELOG.md DESTINATION ${made})
execute_process(COMMAND ${GZIP} --best --no-name --force ${made}/CHANGELOG.md COMMAND_ERROR_IS_FATAL ANY)

set(documents ${CMAKE_INSTALL_DATADIR}/doc/${package})
set(share ${CMAKE_INSTALL_DATADIR}/${package})
install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${made}/changelog.gz DESTINATION ${documents} RENAME changelog.Debian.gz)
install(FILES ${made}/CHANGELOG.md.gz DESTINATION ${documents} RENAME changelog.gz)
install(FILES ${debian}/copyright ${PROJECT_SOURCE_DIR}/README.md ${made}/metrics.md ${made}/sbom.cdx.json
        DESTINATION ${documents})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/alerts/runbooks DESTINATION ${documents})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/alerts ${PROJECT_SOURCE_DIR}/dashboards DESTINATION ${share}
        FILES_MATCHING PATTERN "*.yml" PATTERN "*.json" PATTERN "*.tmpl"
        PATTERN src EXCLUDE PATTERN tests EXCLUDE PATTERN runbooks EXCLUDE PATTERN render EXCLUDE
        PATTERN pictures EXCLUDE)
install(FILES ${PROJECT_SOURCE_DIR}/deploy/systemd/socket-exporter.service DESTINATION lib/systemd/system)
install(FILES ${debian}/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME ${package})
install(FILES ${debian}/default DESTINATION /etc/default RENAME ${package})
install(FILES ${debian}/socket_exporter.yml DESTINATION /etc/${package})

set(CPACK_PACKAGE_NAME ${package})
set(CPACK_PACKAGE_VERSION ${version})
set(CPACK_PACKAGE_FILE_NAME ${package})
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Tells how close a host is to running out of sockets and ephemeral ports,
towards which destination, and which process or pod does it; counts failing
connections and WebSocket disconnects by reason. Rules for Prometheus and
dashboards for Grafana are included.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${debian}/conffiles ${debian}/postinst ${debian}/prerm ${debian}/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
include(CPack)
