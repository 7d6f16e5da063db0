# libitnio for CMake:
#
#     find_package(itnio 0.2 REQUIRED)
#     target_link_libraries(program PRIVATE itnio::itnio)
#
#     itnio::itnio    the shared library
#     itnio::static   the static library, with the system libraries that it needs
#
# A target exists where its library is installed. COMPONENTS (shared, static) say which a project requires.
#
# This file is the same on all processors, and names no place: it finds the rest from its own, which is
# PREFIX/share/cmake/itnio. So the prefix can be moved, and can have libraries for several processors.

if(CMAKE_VERSION VERSION_LESS 3.10)
    set(itnio_FOUND FALSE)
    set(itnio_NOT_FOUND_MESSAGE "libitnio needs CMake 3.10")
    return()
endif()
cmake_policy(PUSH)
cmake_policy(VERSION 3.10...3.31)

get_filename_component(_itnio_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

# Where a system has its libraries: Debian, Fedora, all others.
set(_itnio_folders)
if(CMAKE_LIBRARY_ARCHITECTURE)
    list(APPEND _itnio_folders "lib/${CMAKE_LIBRARY_ARCHITECTURE}")
endif()
if(CMAKE_SIZEOF_VOID_P EQUAL 8)
    list(APPEND _itnio_folders lib64)
endif()
list(APPEND _itnio_folders lib)

set(_itnio_shared)
set(_itnio_static)
foreach(_itnio_folder IN LISTS _itnio_folders)
    set(_itnio_libdir "${_itnio_prefix}/${_itnio_folder}")
    set(_itnio_link "${_itnio_libdir}/libitnio${CMAKE_SHARED_LIBRARY_SUFFIX}")
    if(CMAKE_SHARED_LIBRARY_SUFFIX AND EXISTS "${_itnio_link}")
        set(_itnio_shared "${_itnio_link}")
    endif()
    if(EXISTS "${_itnio_libdir}/libitnio.a")
        set(_itnio_static "${_itnio_libdir}/libitnio.a")
    endif()
    if(_itnio_shared OR _itnio_static)
        break()
    endif()
endforeach()

# What the static library needs: as the compiler has told it to pkg-config's file. Compilers add libc and the
# unwinder by themselves, and with -static in another form.
set(_itnio_private)
if(_itnio_static)
    set(_itnio_pc "${_itnio_libdir}/pkgconfig/itnio.pc")
    set(_itnio_lines)
    if(EXISTS "${_itnio_pc}")
        file(STRINGS "${_itnio_pc}" _itnio_lines REGEX "^Libs\\.private:")
    endif()
    if(_itnio_lines)
        string(REGEX REPLACE "^Libs\\.private: *" "" _itnio_private "${_itnio_lines}")
        # On macOS: two words, which belong together.
        string(REPLACE "-framework " "-framework\t" _itnio_private "${_itnio_private}")
        string(REGEX REPLACE " +" ";" _itnio_private "${_itnio_private}")
        string(REPLACE "\t" " " _itnio_private "${_itnio_private}")
        list(REMOVE_ITEM _itnio_private "" -lc -lgcc_s)
    else()
        # Without it, a program would not link, or not everywhere.
        set(_itnio_static)
    endif()
endif()

set(itnio_shared_FOUND FALSE)
set(itnio_static_FOUND FALSE)
if(EXISTS "${_itnio_prefix}/include/itnio.h")
    if(_itnio_shared)
        set(itnio_shared_FOUND TRUE)
        # Twice in a project is once.
        if(NOT TARGET itnio::itnio)
            # The link is for building only: what a project installs or runs is the file behind it.
            get_filename_component(_itnio_file "${_itnio_shared}" REALPATH)
            get_filename_component(_itnio_file "${_itnio_file}" NAME)
            add_library(itnio::itnio SHARED IMPORTED)
            set_target_properties(itnio::itnio PROPERTIES
                IMPORTED_LOCATION "${_itnio_libdir}/${_itnio_file}"
                INTERFACE_INCLUDE_DIRECTORIES "${_itnio_prefix}/include")
            if(NOT APPLE)
                # Before 1.0 it has the minor version, too.
                string(REGEX REPLACE "^(0\\.[0-9]+|[0-9]+)\\..*" "\\1" _itnio_soversion "${itnio_VERSION}")
                set_target_properties(itnio::itnio PROPERTIES
                    IMPORTED_SONAME "libitnio.so.${_itnio_soversion}")
            endif()
        endif()
    endif()
    if(_itnio_static)
        set(itnio_static_FOUND TRUE)
        if(NOT TARGET itnio::static)
            add_library(itnio::static STATIC IMPORTED)
            set_target_properties(itnio::static PROPERTIES
                IMPORTED_LOCATION "${_itnio_static}"
                IMPORTED_LINK_INTERFACE_LANGUAGES C
                INTERFACE_INCLUDE_DIRECTORIES "${_itnio_prefix}/include"
                INTERFACE_LINK_LIBRARIES "${_itnio_private}")
        endif()
    endif()
endif()

if(NOT itnio_shared_FOUND AND NOT itnio_static_FOUND)
    set(itnio_FOUND FALSE)
    string(REPLACE ";" ", " _itnio_folders "${_itnio_folders}")
    set(itnio_NOT_FOUND_MESSAGE
        "${_itnio_prefix} has no itnio.h in include, or no libitnio for this target in any of: ${_itnio_folders}")
endif()
foreach(_itnio_component IN LISTS itnio_FIND_COMPONENTS)
    if(itnio_FIND_REQUIRED_${_itnio_component} AND NOT itnio_${_itnio_component}_FOUND)
        set(itnio_FOUND FALSE)
        set(itnio_NOT_FOUND_MESSAGE "${_itnio_prefix} has no libitnio of the kind \"${_itnio_component}\"")
    endif()
endforeach()

foreach(_itnio_name component file folder folders libdir lines link pc prefix private shared soversion static)
    unset(_itnio_${_itnio_name})
endforeach()
unset(_itnio_name)
cmake_policy(POP)
