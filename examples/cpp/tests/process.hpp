// Files, directories and other programs, for tests.
#ifndef PROCESS_HPP
#define PROCESS_HPP

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "check.hpp"

/// How long what is bound to happen may take on a busy machine.
constexpr std::chrono::seconds patience{60};

/// Waits until something is so; false if it never is.
template <class Condition>
bool eventually(Condition condition)
{
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

/// A directory that goes with everything in it.
class Directory {
public:
    Directory()
    {
        std::string name = (std::filesystem::temp_directory_path() / "itnio-cpp-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr)
            throw std::runtime_error("no temporary directory: " + name);
        path_ = name;
    }
    Directory(const Directory &) = delete;
    Directory &operator=(const Directory &) = delete;
    ~Directory()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    std::string operator/(const std::string &name) const { return path_ + '/' + name; }

private:
    std::string path_;
};

inline std::string read_file(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void write_file(const std::string &path, const std::string &text)
{
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    CHECK(file.good(), path);
}

inline std::vector<std::string> lines_of(const std::string &text)
{
    std::istringstream stream(text);
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}

/// A program of the directory that this one is in.
inline std::string beside(const std::string &name)
{
    return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / name).string();
}

/// How a program has ended: with an exit status, or minus the number of a signal.
struct Ended {
    int status = 0;
    std::string out;
    std::string err;
};

/// A program at work. It is killed where it still is at the end.
class Process {
public:
    /// `environment` goes on top of this program's own; `terminal` is for standard error, which is else
    /// kept, like standard output.
    explicit Process(std::vector<std::string> command,
                     const std::map<std::string, std::string> &environment = {}, int terminal = -1)
        : name_(command.at(0))
    {
        const int out = ::open((directory_ / "out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        const int err = terminal >= 0
                            ? terminal
                            : ::open((directory_ / "err").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        std::vector<char *> arguments;
        for (std::string &argument : command)
            arguments.push_back(argument.data());
        arguments.push_back(nullptr);
        // This program has one thread here, so that the child may do all this.
        pid_ = ::fork();
        if (pid_ == 0) {
            // Also where this program ends without another word, as by a sanitizer.
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            // What started this program may ignore them, as nohup and a shell's background do.
            for (const int signal : {SIGHUP, SIGINT, SIGTERM})
                std::signal(signal, SIG_DFL);
            for (const auto &[name, value] : environment)
                ::setenv(name.c_str(), value.c_str(), 1);
            ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
            ::dup2(out, STDOUT_FILENO);
            ::dup2(err, STDERR_FILENO);
            ::execv(arguments[0], arguments.data());
            ::_exit(127);
        }
        ::close(out);
        if (terminal < 0)
            ::close(err);
        CHECK(pid_ > 0, name_);
    }
    Process(const Process &) = delete;
    Process &operator=(const Process &) = delete;
    ~Process()
    {
        if (running())
            ::kill(pid_, SIGKILL);
        ended_within(patience);
    }

    void signal(int number) const { ::kill(pid_, number); }

    bool running() { return !ended_within(std::chrono::seconds(0)); }

    /// Waits for its end.
    Ended wait()
    {
        CHECK(ended_within(patience), name_ + " never ended; it said:\n" + err());
        return ended();
    }

    /// Gives it this time, and then kills it.
    Ended kill_after(std::chrono::microseconds time)
    {
        if (!ended_within(time))
            signal(SIGKILL);
        return wait();
    }

    std::string out() const { return read_file(directory_ / "out"); }
    std::string err() const { return read_file(directory_ / "err"); }

private:
    bool ended_within(std::chrono::microseconds time)
    {
        const auto end = std::chrono::steady_clock::now() + time;
        while (!ended_) {
            ended_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
            if (ended_ || std::chrono::steady_clock::now() >= end)
                break;
            std::this_thread::sleep_for(std::chrono::microseconds(500));
        }
        return ended_;
    }

    Ended ended() const
    {
        return {WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_), out(), err()};
    }

    Directory directory_;
    std::string name_;
    pid_t pid_ = -1;
    bool ended_ = false;
    int status_ = 0;
};

/// Runs a program to its end.
inline Ended run(const std::vector<std::string> &command,
                 const std::map<std::string, std::string> &environment = {})
{
    return Process(command, environment).wait();
}

#endif
