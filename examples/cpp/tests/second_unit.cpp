// A program has many files that include the header: this one is linked with test_header.cpp.
#include <itnio.hpp>

std::string_view second_unit();

std::string_view second_unit()
{
    return itnio::version();
}
