# The version is the installed header's. Before 1.0 a minor release may change the interface.

file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/../../../include/sluicegate.h" _sluicegate_version
    REGEX "^#define SLUICE_VERSION_(MAJOR|MINOR|PATCH) ")
string(REGEX REPLACE "[^0-9]*([0-9]+)[^0-9]+([0-9]+)[^0-9]+([0-9]+).*" "\\1.\\2.\\3" PACKAGE_VERSION
    "${_sluicegate_version}")
string(REGEX MATCH "^(0\\.[0-9]+|[0-9]+)\\." _sluicegate_line "${PACKAGE_VERSION}.")
string(REGEX MATCH "^(0\\.[0-9]+|[0-9]+)\\." _sluicegate_asked "${PACKAGE_FIND_VERSION}.")

if(NOT PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION
   AND (NOT PACKAGE_FIND_VERSION OR _sluicegate_line STREQUAL _sluicegate_asked))
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
endif()

unset(_sluicegate_version)
unset(_sluicegate_line)
unset(_sluicegate_asked)
