# Which version is installed: the header beside it says so. A version suits whoever asks for it or an earlier
# one of the same soname: the same major version, and before 1.0 the same minor version.

set(PACKAGE_VERSION)
if(EXISTS "${CMAKE_CURRENT_LIST_DIR}/../../../include/itnio.h")
    file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/../../../include/itnio.h" PACKAGE_VERSION
        REGEX "^#define ITNIO_VERSION \"")
endif()
string(REGEX REPLACE "^#define ITNIO_VERSION \"(.*)\"$" "\\1" PACKAGE_VERSION "${PACKAGE_VERSION}")
string(REGEX MATCH "^(0\\.[0-9]+|[0-9]+)" _itnio_has "${PACKAGE_VERSION}")

set(PACKAGE_VERSION_COMPATIBLE FALSE)
set(PACKAGE_VERSION_EXACT FALSE)
if(PACKAGE_FIND_VERSION_RANGE)
    # Whoever names both ends has decided what suits.
    if(PACKAGE_VERSION VERSION_GREATER_EQUAL PACKAGE_FIND_VERSION_MIN AND
            ((PACKAGE_FIND_VERSION_RANGE_MAX STREQUAL "INCLUDE" AND
                PACKAGE_VERSION VERSION_LESS_EQUAL PACKAGE_FIND_VERSION_MAX) OR
             (PACKAGE_FIND_VERSION_RANGE_MAX STREQUAL "EXCLUDE" AND
                PACKAGE_VERSION VERSION_LESS PACKAGE_FIND_VERSION_MAX)))
        set(PACKAGE_VERSION_COMPATIBLE TRUE)
    endif()
elseif(PACKAGE_VERSION VERSION_EQUAL PACKAGE_FIND_VERSION)
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
    set(PACKAGE_VERSION_EXACT TRUE)
elseif(PACKAGE_VERSION VERSION_GREATER PACKAGE_FIND_VERSION)
    # "0" alone asks for any 0.x, of which none promises anything to the next: it has to say which.
    string(REGEX MATCH "^(0\\.[0-9]+|[1-9][0-9]*)" _itnio_asked "${PACKAGE_FIND_VERSION}")
    if(_itnio_asked STREQUAL _itnio_has)
        set(PACKAGE_VERSION_COMPATIBLE TRUE)
    endif()
endif()
unset(_itnio_has)
unset(_itnio_asked)
