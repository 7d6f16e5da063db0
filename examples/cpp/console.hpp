// What the dialer says while it works: lines on standard error and, on a terminal, its progress below
// them.
#ifndef DIALER_CONSOLE_HPP
#define DIALER_CONSOLE_HPP

#include <mutex>
#include <string>

class Console {
public:
    /// `program` begins each line.
    explicit Console(std::string program);

    /// A line, from any thread.
    void say(const std::string &line);

    /// Shows this as the progress, where there is a terminal; an empty one removes it.
    void show_progress(const std::string &text);

    /// Whether there is a terminal.
    bool shows_progress() const { return is_terminal_; }

private:
    void erase();

    const std::string program_;
    const bool is_terminal_;
    std::mutex mutex_;
    std::string shown_;
};

#endif
