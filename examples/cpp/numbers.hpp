// The list of numbers to call.
#ifndef DIALER_NUMBERS_HPP
#define DIALER_NUMBERS_HPP

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

struct Number {
    std::string callee;
    std::string display_num; ///< Empty: not given.
    std::string called_info; ///< Empty: not given.
    std::size_t line = 0;    ///< Where it stands in the list.
};

struct Numbers {
    std::vector<Number> numbers;       ///< Each callee once, in the order of the list.
    std::vector<std::string> warnings; ///< What was left out, and why.
};

/// A list in which something is wrong, a line for each thing: nothing in it is to be dialed.
struct BadList : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Whether it is what the API's documentation calls a number: 7 to 15 digits.
bool is_number(std::string_view text);

/// Reads a list: a header with `callee`, and `display_num` and `called_info` where wanted, in any order;
/// then a line for each number. Throws BadList with all that is wrong, each with its line.
Numbers read_numbers(std::string_view text);

#endif
