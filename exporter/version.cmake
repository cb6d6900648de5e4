# Writes exporter/version.h into the build directory. Nothing of this machine goes in unless given,
# so that equal sources give equal binaries.
set(SOCKET_EXPORTER_REVISION "" CACHE STRING "Revision shown by --version; from git when empty")
set(SOCKET_EXPORTER_BRANCH "" CACHE STRING "Branch shown by --version; from git when empty")
set(SOCKET_EXPORTER_BUILD_USER "unknown" CACHE STRING "Build user shown by --version")
set(SOCKET_EXPORTER_BUILD_DATE "unknown" CACHE STRING "Build date shown by --version")

function(ask_git variable)
  if(SOCKET_EXPORTER_${variable})
    return()
  endif()
  set(answer "")
  # A tarball unpacked inside somebody else's repository is not that repository.
  if(EXISTS ${PROJECT_SOURCE_DIR}/.git)
    execute_process(COMMAND git ${ARGN} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
                    OUTPUT_VARIABLE answer OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
  if(NOT answer)
    set(answer unknown)
  endif()
  set(SOCKET_EXPORTER_${variable} ${answer} PARENT_SCOPE)
endfunction()

ask_git(REVISION rev-parse HEAD)
ask_git(BRANCH rev-parse --abbrev-ref HEAD)

# A commit or checkout configures again.
if(EXISTS ${PROJECT_SOURCE_DIR}/.git)
  execute_process(COMMAND git rev-parse --path-format=absolute --git-path logs/HEAD
                  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE head_log
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(EXISTS "${head_log}")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${head_log})
  endif()
endif()

string(TOLOWER "${CMAKE_SYSTEM_NAME}/${CMAKE_SYSTEM_PROCESSOR}" SOCKET_EXPORTER_PLATFORM)
configure_file(version.h.in version.h @ONLY)
