// The list of numbers and the results file, on their own. Compiled with the thread sanitizer.
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"
#include "csv.hpp"
#include "journal.hpp"
#include "numbers.hpp"
#include "process.hpp"

// --- The disk, watched -----------------------------------------------------------------------------

namespace {

std::atomic<int> syncs{0};
std::atomic<off_t> synced{0}; ///< How much of the file has come to the disk.
std::atomic<int> sync_error{0};
std::atomic<int> sync_takes_ms{0};

} // namespace

extern "C" int fdatasync(int fd)
{
    struct stat status;
    fstat(fd, &status);
    std::this_thread::sleep_for(std::chrono::milliseconds(sync_takes_ms));
    if (sync_error != 0) {
        errno = sync_error;
        return -1;
    }
    const int result = static_cast<int>(syscall(SYS_fdatasync, fd));
    if (result == 0) {
        synced = status.st_size;
        ++syncs;
    }
    return result;
}

namespace {

const std::string header = "time,callee,state,result,status,recording_id,reason\n";

std::string row(const std::string &callee, const std::string &state, const std::string &status = "",
                const std::string &reason = "")
{
    return "2026-01-01T00:00:00.000Z," + callee + ',' + state + ",," + status + ",," + reason + '\n';
}

/// What a journal over this file says when it is opened.
std::map<std::string, Past> past(const std::string &path)
{
    const Journal journal(path);
    return {journal.past().begin(), journal.past().end()};
}

/// Why a file cannot be used; fails if it can.
Journal::Unusable refused(const std::string &path)
{
    std::optional<Journal::Unusable> why;
    try {
        const Journal journal(path);
    } catch (const Journal::Unusable &unusable) {
        why = unusable;
    }
    CHECK(why.has_value(), path + " is accepted:\n" + read_file(path));
    return *why;
}

/// What is wrong with a list.
std::string problems(const std::string &list)
{
    try {
        read_numbers(list);
    } catch (const BadList &bad) {
        return bad.what();
    }
    check::fail(__FILE__, __LINE__, "the list is accepted:\n" + list);
}

} // namespace

// --- Numbers ------------------------------------------------------------------------------------------

TEST("a list may have its columns in any order, quotes, line breaks in them, CRLF and a byte order mark")
{
    const Numbers list = read_numbers("\xEF\xBB\xBF" "called_info, callee ,display_num\r\n"
                                      "\"Hello, \"\"world\"\",\nagain\",4915112345678,4930123456\r\n"
                                      "\r\n"
                                      ", +4915112345679 ,\n"
                                      "\"\",\"4915112345680\",\"\"");
    CHECK_EQUAL(list.numbers.size(), 3U);
    CHECK(list.warnings.empty(), list.warnings.at(0));
    CHECK_EQUAL(list.numbers[0].called_info, "Hello, \"world\",\nagain");
    CHECK_EQUAL(list.numbers[0].callee, "4915112345678");
    CHECK_EQUAL(list.numbers[0].display_num, "4930123456");
    CHECK_EQUAL(list.numbers[1].callee, "4915112345679");
    CHECK_EQUAL(list.numbers[1].line, 5U);
    CHECK_EQUAL(list.numbers[1].called_info + list.numbers[1].display_num, "");
    CHECK_EQUAL(list.numbers[2].callee, "4915112345680");
}

TEST("a number that is there twice, however it is spelled, is dialed once, and the user is told")
{
    const Numbers list = read_numbers("callee,called_info\n4915112345678,a\n+4915112345678,a\n"
                                      "4915112345679,b\n 4915112345678,c\n");
    CHECK_EQUAL(list.numbers.size(), 2U);
    CHECK_EQUAL(list.numbers[0].called_info, "a");
    CHECK_EQUAL(list.warnings.size(), 2U);
    CHECK_EQUAL(list.warnings[0], "line 3: 4915112345678 stands in line 2 already; it is dialed once, as there");
    CHECK_EQUAL(list.warnings[1],
                "line 5: 4915112345678 stands in line 2 already, and differs; it is dialed once, as there");
}

TEST("all that is wrong with a list is told, each with its line")
{
    CHECK_EQUAL(problems("callee,called_info\n4915112345678,\"a\nb\"\n12x,\n4915112345679\n123456,\n"
                         "1234567890123456,\n,\n4.91512E+12,\n"),
                "line 4: callee: \"12x\" is not 7 to 15 digits (country code and number)\n"
                "line 5: has 1 fields where the header has 2\n"
                "line 6: callee: \"123456\" is not 7 to 15 digits (country code and number)\n"
                "line 7: callee: \"1234567890123456\" is not 7 to 15 digits (country code and number)\n"
                "line 8: callee: \"\" is not 7 to 15 digits (country code and number)\n"
                "line 9: callee: \"4.91512E+12\" is not 7 to 15 digits (country code and number)");
    CHECK_EQUAL(problems("callee,display_num\n4915112345678,x\n"),
                "line 2: display_num: \"x\" is not 7 to 15 digits");
    CHECK_EQUAL(problems("callee\n4915112345678\n\"4915\n112345678"),
                "line 3: a quote is opened here and never closed");
    CHECK_EQUAL(problems("callee\n\"4915112345678\"9\n"),
                "line 2: there is text between a closing quote and the next comma");
    CHECK_EQUAL(problems("callee\n49151\"12345678\n"),
                "line 2: there is a quote inside a field that does not begin with one");
    CHECK(problems("callee;called_info\n").find("line 1: there is no column") == 0, "semicolons");
    CHECK(problems("callee,callee\n").find("twice") != std::string::npos, "a column twice");
    CHECK(problems("called_info\n").find("callee is missing") != std::string::npos, "no callee");
    CHECK(problems("").find("empty") != std::string::npos, "an empty file");
    std::string long_list = "callee\n";
    for (int i = 0; i < 25; ++i)
        long_list += "x\n";
    CHECK(problems(long_list).find("\nand 5 more") != std::string::npos, problems(long_list));
}

TEST("a field is written so that it is read as the same, on one line")
{
    for (const std::string text : {"", "plain", "with, comma", "with \"quotes\"", "\"", ",", "=1+1", " "}) {
        const auto record = csv::Reader(csv::field(text) + ',' + csv::field(text) + '\n').next();
        CHECK(record && record->fields == std::vector<std::string>({text, text}), text);
    }
    CHECK_EQUAL(csv::field("a\nb\rc\td"), "a b c d");
}

// --- What the file means -----------------------------------------------------------------------------

TEST("what may have been dialed is closed for good, and what was not sent is open")
{
    struct Case {
        std::vector<std::string> states; ///< In the order of the file; a refusal with its status.
        bool closed;
        State state;
    };
    const Case cases[] = {
        {{"dialing"}, true, State::unknown},
        {{"dialing", "accepted"}, true, State::accepted},
        {{"dialing", "refused -22"}, true, State::refused},
        {{"dialing", "refused -1"}, false, State::refused},
        {{"dialing", "refused -2"}, false, State::refused},
        {{"dialing", "refused -10"}, false, State::refused},
        {{"dialing", "refused -16"}, false, State::refused},
        {{"dialing", "refused -18"}, true, State::refused},
        {{"dialing", "refused -26"}, true, State::refused},
        {{"dialing", "refused -100"}, true, State::refused},
        {{"dialing", "unknown"}, true, State::unknown},
        {{"dialing", "not sent"}, false, State::not_sent},
        {{"dialing", "not sent", "dialing"}, true, State::unknown},
        {{"dialing", "not sent", "dialing", "accepted"}, true, State::accepted},
        {{"dialing", "refused -10", "dialing"}, true, State::unknown},
        // These are not of this program's making. None of them opens a number again.
        {{"accepted"}, true, State::accepted},
        {{"dialing", "dialing", "not sent"}, true, State::unknown},
        {{"unknown", "not sent"}, true, State::unknown},
        {{"accepted", "dialing", "not sent"}, true, State::accepted},
        // It was found in the records.
        {{"dialing", "unknown", "accepted"}, true, State::accepted},
        {{"dialing", "unknown", "accepted", "unknown"}, true, State::accepted},
        {{"dialing", "unknown", "refused -22"}, true, State::unknown},
    };
    for (const Case &one : cases) {
        Directory directory;
        const std::string path = directory / "results.csv";
        std::string text = header;
        for (const std::string &state : one.states) {
            const std::size_t space = state.find(" -");
            text += row("4915112345678", state.substr(0, space),
                        space == std::string::npos ? "" : state.substr(space + 1));
        }
        write_file(path, text);
        // The second time it is also closed by what the first has added.
        for (int time = 1; time <= 2; ++time) {
            const Past found = past(path).at("4915112345678");
            CHECK(found.closed() == one.closed && found.state == one.state,
                  read_file(path) + "\nis " + std::string(name(found.state)));
        }
    }
}

TEST("the time before a number's last call is read, where the file says it")
{
    const auto at = [](const std::string &time, const std::string &state) {
        return time + ",4915112345678," + state + ",,,,\n";
    };
    const std::string early = "2026-01-01T00:00:00.000Z";
    const std::string late = "2026-02-28T23:59:59.999Z";
    const std::time_t early_time = 1767225600;
    const std::time_t late_time = 1772323199;
    const std::pair<std::string, std::optional<std::time_t>> cases[] = {
        {at(late, "dialing"), late_time},
        {at(late, "dialing") + at(early, "unknown"), late_time},
        // Of several calls the last; of two that have not ended, the first.
        {at(early, "dialing") + at(early, "not sent") + at(late, "dialing"), late_time},
        {at(early, "dialing") + at(early, "dialing") + at(late, "dialing"), early_time},
        {at(late, "unknown"), std::nullopt},
        {at("", "dialing"), std::nullopt},
        {at("yesterday", "dialing"), std::nullopt},
        {at("2026-13-01T00:00:00.000Z", "dialing"), std::nullopt},
        {at("0000-01-01T00:00:00.000Z", "dialing"), std::nullopt},
        {at("9999-01-01T00:00:00.000Z", "dialing"), std::nullopt},
    };
    for (const auto &[rows, began] : cases) {
        Directory directory;
        const std::string path = directory / "results.csv";
        write_file(path, header + rows);
        const Past found = past(path).at("4915112345678");
        CHECK(found.closed(), rows);
        CHECK(found.began.has_value() == began.has_value(), rows);
        if (began)
            CHECK_EQUAL(std::chrono::system_clock::to_time_t(*found.began), *began);
    }
    // And as this program writes it.
    Directory directory;
    const std::string path = directory / "results.csv";
    const std::time_t before = std::time(nullptr);
    CHECK(Journal(path).commit(Journal::dialing_row("4915112345678")), path);
    const std::time_t began = std::chrono::system_clock::to_time_t(past(path).at("4915112345678").began.value());
    CHECK(before <= began && began <= std::time(nullptr), read_file(path));
}

TEST("a call that was in progress at the end is written down as unknown, once")
{
    Directory directory;
    const std::string path = directory / "results.csv";
    write_file(path, header + row("4915112345678", "dialing") + row("4915112345679", "dialing")
                         + row("4915112345679", "accepted", "0"));
    past(path);
    const std::string text = read_file(path);
    past(path);
    CHECK_EQUAL(read_file(path), text);
    const auto lines = lines_of(text);
    CHECK_EQUAL(lines.size(), 5U);
    CHECK(lines[4].find(",4915112345678,unknown,") != std::string::npos, lines[4]);
}

TEST("a file that was cut anywhere opens, and closes each number whose call is in what is left")
{
    const std::string text = header + row("4915112345601", "dialing") + row("4915112345602", "dialing")
                             + row("4915112345601", "accepted", "0")
                             + row("4915112345602", "not sent", "", "\"no \"\"route\"\", sorry\"")
                             + row("4915112345602", "dialing") + row("4915112345603", "dialing")
                             + row("4915112345602", "unknown") + row("4915112345603", "refused", "-10")
                             + row("4915112345604", "dialing");
    for (std::size_t size = 0; size <= text.size(); ++size) {
        Directory directory;
        const std::string path = directory / "results.csv";
        const std::string left = text.substr(0, size);
        write_file(path, left);
        const auto found = past(path);
        for (int n = 1; n <= 4; ++n) {
            const std::string callee = "491511234560" + std::to_string(n);
            // The last whole line about the number decides.
            std::string last;
            for (const std::string &line : lines_of(left.substr(0, left.rfind('\n') + 1))) {
                if (line.find(',' + callee + ',') != std::string::npos)
                    last = line;
            }
            const bool open = last.empty() || last.find("not sent") != std::string::npos
                              || last.find("-10") != std::string::npos;
            const bool closed = found.count(callee) > 0 && found.at(callee).closed();
            // What is in the torn line may close a number, or settle a call that had begun; nothing may
            // open one whose call has begun.
            const std::string torn = left.substr(left.rfind('\n') + 1);
            const bool torn_settles = torn.find(callee) != std::string::npos;
            CHECK(closed == !open || torn_settles,
                  "cut at " + std::to_string(size) + ", " + callee + (closed ? " closed" : " open"));
            CHECK(!(torn_settles && torn.find(",dialing,,,,") != std::string::npos) || closed,
                  "the editor took the last line break: " + torn);
        }
        const std::string repaired = read_file(path);
        CHECK(repaired.rfind(header, 0) == 0 && repaired.back() == '\n', repaired);
        past(path);
        CHECK_EQUAL(read_file(path), repaired);
    }
}

TEST("a file that is not the dialer's, or that was changed, is refused and left as it is")
{
    const std::pair<std::string, std::string> files[] = {
        {"callee,called_info\n4915112345678,hello\n", "is not a results file"},
        {"callee", "is not a results file"},
        {"hello\n", "is not a results file"},
        {"time,callee,state\n", "is not a results file"},
        {header + "2026-01-01T00:00:00.000Z,4.91512E+12,dialing,,,,\n", "line 2: "},
        {header + row("4915112345678", "dialing") + row("4915112345678", "ringing"), "line 3: "},
        {header + row("4915112345678", "dialing") + "2026-01-01T00:00:00.000Z,4915\n", "line 3: "},
        {header + row("4915112345678", "dialing") + std::string(40, '\0') + '\n', "line 3: "},
        {header + "2026-01-01T00:00:00.000Z,49151\n" + row("4915112345678", "dialing"), "line 2: "},
        {header + "2026-01-01T00:00:00.000Z,4915112345678,unknown,,,,\"oops\n", "line 2: "},
    };
    for (const auto &[text, expected] : files) {
        Directory directory;
        const std::string path = directory / "results.csv";
        write_file(path, text);
        const std::string why = refused(path).what();
        CHECK(why.find(expected) == 0, why);
        CHECK_EQUAL(read_file(path), text);
    }
}

TEST("a results file with CRLF is read as what it is")
{
    Directory directory;
    const std::string path = directory / "results.csv";
    std::string text;
    for (const char c : header + row("4915112345678", "dialing"))
        text += c == '\n' ? "\r\n" : std::string(1, c);
    write_file(path, text);
    CHECK(past(path).at("4915112345678").closed(), read_file(path));
}

TEST("what is not a file is refused, since it would remember nothing")
{
    CHECK(std::string(refused("/dev/null").what()).find("is not a file") == 0, "/dev/null");
    Directory directory;
    CHECK(std::string(refused(directory / "").what()).find("cannot be opened") == 0, "a directory");
    CHECK(std::string(refused(directory / "no/such").what()).find("cannot be opened") == 0, "no directory");
}

// --- Writing -----------------------------------------------------------------------------------------

TEST("a second dialer over the same file is kept out, under whatever name, until the first has ended")
{
    Directory directory;
    const std::string path = directory / "results.csv";
    {
        const Journal journal(path);
        std::filesystem::create_hard_link(path, directory / "hard.csv");
        std::filesystem::create_symlink(path, directory / "soft.csv");
        for (const char *name : {"results.csv", "hard.csv", "soft.csv"})
            CHECK(refused(directory / name).in_use, name);
    }
    past(path);
}

TEST("a row is on the disk when commit() returns; many that wait share a write")
{
    constexpr int threads = 32;
    constexpr int rows = 20;
    Directory directory;
    const std::string path = directory / "results.csv";
    syncs = 0;
    sync_takes_ms = 2;
    std::atomic<int> too_early{0};
    {
        Journal journal(path);
        std::vector<std::thread> workers;
        for (int thread = 0; thread < threads; ++thread) {
            workers.emplace_back([&, thread] {
                for (int n = 0; n < rows; ++n) {
                    const std::string mark = std::to_string(4900000000000 + thread * 1000 + n);
                    if (!journal.commit(Journal::dialing_row(mark)))
                        ++too_early;
                    // What is on the disk is the file's beginning, so far.
                    const std::string on_disk = read_file(path).substr(0, static_cast<std::size_t>(synced));
                    too_early += on_disk.find(mark) == std::string::npos;
                }
            });
        }
        for (std::thread &worker : workers)
            worker.join();
    }
    sync_takes_ms = 0;
    CHECK_EQUAL(too_early.load(), 0);
    CHECK(syncs < threads * rows / 4, std::to_string(syncs) + " syncs");
    // Each row is there once, and those of a thread in their order.
    std::map<int, int> next;
    const auto lines = lines_of(read_file(path));
    CHECK_EQUAL(lines.size(), static_cast<std::size_t>(1 + threads * rows));
    for (std::size_t i = 1; i < lines.size(); ++i) {
        const int number = std::stoi(lines[i].substr(lines[i].find(',') + 1 + 7, 6));
        CHECK_EQUAL(number % 1000, next[number / 1000]++);
    }
}

TEST("where the disk is full, nothing more is committed, and the next start repairs the file")
{
    Directory directory;
    const std::string path = directory / "results.csv";
    std::signal(SIGXFSZ, SIG_IGN);
    {
        Journal journal(path);
        CHECK(journal.commit(Journal::dialing_row("4915112345601")), journal.error());
        rlimit before;
        getrlimit(RLIMIT_FSIZE, &before);
        // The next row fits in part.
        const rlimit full = {read_file(path).size() + 30, before.rlim_max};
        setrlimit(RLIMIT_FSIZE, &full);
        const bool second = journal.commit(Journal::dialing_row("4915112345602"));
        setrlimit(RLIMIT_FSIZE, &before);
        CHECK(!second, "it does not fit");
        CHECK(journal.error().find("cannot be written to") == 0, journal.error());
        CHECK(!journal.commit(Journal::dialing_row("4915112345603")), "not even now that it would fit");
    }
    CHECK(read_file(path).back() != '\n', "a part was written");
    const auto found = past(path);
    CHECK(found.at("4915112345601").closed(), "it was dialed");
    CHECK_EQUAL(found.size(), 1U);
}

TEST("where the disk does not take a row for good, it is not committed")
{
    Directory directory;
    Journal journal(directory / "results.csv");
    sync_error = EIO;
    const bool committed = journal.commit(Journal::dialing_row("4915112345601"));
    sync_error = 0;
    CHECK(!committed, "EIO");
    CHECK(!journal.error().empty(), "with the reason");
    CHECK(!journal.commit(Journal::dialing_row("4915112345601")), "for good");
}

TEST("where another program saves the file in the meantime, nothing more is committed")
{
    const std::pair<std::string, std::function<void(const std::string &)>> changes[] = {
        {"saved over it", [](const std::string &path) { write_file(path, header); }},
        {"saved in its place",
         [](const std::string &path) {
             write_file(path + ".new", read_file(path));
             std::filesystem::rename(path + ".new", path);
         }},
        {"removed", [](const std::string &path) { std::filesystem::remove(path); }},
        {"added to", [](const std::string &path) { write_file(path, read_file(path) + "x"); }},
    };
    for (const auto &[what, change] : changes) {
        Directory directory;
        const std::string path = directory / "results.csv";
        Journal journal(path);
        CHECK(journal.commit(Journal::dialing_row("4915112345601")), journal.error());
        change(path);
        CHECK(!journal.commit(Journal::dialing_row("4915112345602")), what);
        CHECK(!journal.error().empty(), what);
    }
}

int main(int argc, char **argv)
{
    return check::run(argc, argv);
}
