#include "console.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <utility>

namespace {

/// A line that is wider than the terminal could not be erased again.
std::string fitting(const std::string &text)
{
    winsize size = {};
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        size.ws_col = 80;
    return text.substr(0, static_cast<std::size_t>(size.ws_col) - 1);
}

} // namespace

Console::Console(std::string program)
    : program_(std::move(program)), is_terminal_(::isatty(STDERR_FILENO) == 1)
{
}

void Console::say(const std::string &line)
{
    const std::lock_guard lock(mutex_);
    erase();
    std::fprintf(stderr, "%s: %s\n%s", program_.c_str(), line.c_str(), shown_.c_str());
}

void Console::show_progress(const std::string &text)
{
    if (!is_terminal_)
        return;
    const std::lock_guard lock(mutex_);
    erase();
    shown_ = fitting(text);
    std::fputs(shown_.c_str(), stderr);
}

void Console::erase()
{
    if (!shown_.empty())
        std::fputs("\r\x1b[K", stderr);
}
