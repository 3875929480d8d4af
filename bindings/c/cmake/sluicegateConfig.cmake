# find_package(sluicegate) gives the targets
#     sluicegate::sluicegate   the shared library
#     sluicegate::static       the static one

get_filename_component(_sluicegate_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

if(NOT TARGET sluicegate::sluicegate)
    add_library(sluicegate::sluicegate SHARED IMPORTED)
    set_target_properties(sluicegate::sluicegate PROPERTIES
        IMPORTED_LOCATION "${_sluicegate_prefix}/lib/libsluicegate${CMAKE_SHARED_LIBRARY_SUFFIX}"
        INTERFACE_INCLUDE_DIRECTORIES "${_sluicegate_prefix}/include")
endif()

if(NOT TARGET sluicegate::static)
    find_package(Threads QUIET REQUIRED)
    add_library(sluicegate::static STATIC IMPORTED)
    set_target_properties(sluicegate::static PROPERTIES
        IMPORTED_LOCATION "${_sluicegate_prefix}/lib/libsluicegate.a"
        INTERFACE_INCLUDE_DIRECTORIES "${_sluicegate_prefix}/include"
        INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS};m")
endif()

unset(_sluicegate_prefix)
