// The command line.
#ifndef DIALER_OPTIONS_HPP
#define DIALER_OPTIONS_HPP

#include <chrono>
#include <stdexcept>
#include <string>

struct Options {
    std::string account;
    std::string app_id;
    std::string numbers; ///< The list's path.
    std::string results; ///< The results file's path.
    unsigned parallel = 4;
    unsigned retry_unsent = 3;
    std::chrono::milliseconds retry_pause{1000};
    std::chrono::milliseconds timeout{0}; ///< 0: the library's default.
    std::chrono::seconds patience{10};
    bool resolve = false;
    bool dry_run = false;
    bool help = false;
};

/// The command line cannot be understood.
struct Misuse : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Throws Misuse.
Options parse_options(int argc, char **argv);

/// The manual.
extern const char *const manual;

#endif
