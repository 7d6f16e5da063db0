// A test program in a page: tests with a sentence for a name, and checks that say where they failed.
//
//     program [PART-OF-A-NAME...]
#ifndef CHECK_HPP
#define CHECK_HPP

#include <cstdio>
#include <exception>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace check {

inline std::vector<std::pair<std::string, std::function<void()>>> &tests()
{
    static std::vector<std::pair<std::string, std::function<void()>>> all;
    return all;
}

struct Registered {
    Registered(const char *name, std::function<void()> test) { tests().emplace_back(name, std::move(test)); }
};

[[noreturn]] inline void fail(const char *file, int line, const std::string &what)
{
    throw std::runtime_error(std::string(file) + ':' + std::to_string(line) + ": " + what);
}

template <class A, class B>
void equal(const A &a, const B &b, const char *text, const char *file, int line)
{
    if (a == b)
        return;
    std::ostringstream what;
    what << text << "\n    one:   " << a << "\n    other: " << b;
    fail(file, line, what.str());
}

inline int run(int argc, char **argv)
{
    int failed = 0;
    int done = 0;
    for (const auto &[name, test] : tests()) {
        bool wanted = argc < 2;
        for (int i = 1; i < argc; ++i)
            wanted = wanted || name.find(argv[i]) != std::string::npos;
        if (!wanted)
            continue;
        ++done;
        std::string problem;
        try {
            test();
        } catch (const std::exception &error) {
            problem = error.what();
            ++failed;
        }
        std::printf("%s - %s\n", problem.empty() ? "ok    " : "FAILED", name.c_str());
        if (!problem.empty())
            std::printf("    %s\n", problem.c_str());
        std::fflush(stdout);
    }
    std::printf("%d of %d passed\n", done - failed, done);
    return failed > 0 || done == 0;
}

} // namespace check

#define CHECK_JOIN(a, b) a##b
#define CHECK_JOINED(a, b) CHECK_JOIN(a, b)

#define TEST(name)                                                                                         \
    static void CHECK_JOINED(test_, __LINE__)();                                                           \
    static const check::Registered CHECK_JOINED(registered_, __LINE__)(name, CHECK_JOINED(test_, __LINE__)); \
    static void CHECK_JOINED(test_, __LINE__)()

/// The condition holds; `about` (anything a string is made of) goes into the message.
#define CHECK(condition, about)                                                                            \
    ((condition) ? void() : check::fail(__FILE__, __LINE__, #condition "\n    " + std::string(about)))

#define CHECK_EQUAL(a, b) check::equal((a), (b), #a " is not " #b, __FILE__, __LINE__)

#endif
