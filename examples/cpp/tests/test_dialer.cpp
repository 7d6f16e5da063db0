// The dialer as a program, against the sandbox gateway and its diary.
//
// What is random is so by DIALER_TEST_SEED, which a failing test says.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"
#include "process.hpp"
#include "sandbox.hpp"

using namespace std::chrono_literals;

namespace {

unsigned seed()
{
    const char *given = std::getenv("DIALER_TEST_SEED");
    static const unsigned chosen =
        given == nullptr ? std::random_device()() % 1'000'000 : static_cast<unsigned>(std::atoi(given));
    return chosen;
}

/// `count` numbers, the first of which is number `first`; the last two digits, by which the gateway chooses
/// its response, are those of `endings` in turn.
std::vector<std::string> make_numbers(int count, const std::vector<int> &endings = {30}, int first = 0)
{
    std::vector<std::string> numbers;
    for (int i = 0; i < count; ++i) {
        const int ending = endings[static_cast<std::size_t>(i) % endings.size()];
        numbers.push_back(std::to_string(491510000000000 + (first + i) * 100LL + ending));
    }
    return numbers;
}

std::string list_of(const std::vector<std::string> &numbers)
{
    std::string list = "callee\n";
    for (const std::string &number : numbers)
        list += number + '\n';
    return list;
}

/// A list, its results, and the dialer that makes the one from the other.
class Campaign {
public:
    Campaign(const Sandbox &sandbox, const std::string &list) : sandbox_(sandbox)
    {
        write_file(directory_ / "numbers.csv", list);
    }

    std::vector<std::string> command(const std::vector<std::string> &options = {}) const
    {
        std::vector<std::string> command = {beside("dialer"), "--account", "8001", "--app-id", "4"};
        command.insert(command.end(), options.begin(), options.end());
        command.insert(command.end(), {list(), results()});
        return command;
    }

    std::map<std::string, std::string> environment() const { return sandbox_.environment(); }

    /// Runs the dialer to its end.
    Ended dial(const std::vector<std::string> &options = {}) const
    {
        return run(command(options), environment());
    }

    std::string list() const { return directory_ / "numbers.csv"; }
    std::string results() const { return directory_ / "results.csv"; }
    std::string beside_results(const std::string &name) const { return directory_ / name; }

    /// How many rows with this state there are so far.
    std::size_t rows(const std::string &state) const
    {
        const auto lines = lines_of(read_file(results()));
        return static_cast<std::size_t>(
            std::count_if(lines.begin(), lines.end(), [&state](const std::string &line) {
                return line.find(',' + state + ',') != std::string::npos;
            }));
    }

private:
    const Sandbox &sandbox_;
    Directory directory_;
};

/// What the results say of a number in the end.
struct Row {
    std::string state;
    std::string recording_id;
};

std::map<std::string, Row> last_rows(const std::string &results)
{
    std::map<std::string, Row> rows;
    for (const std::string &line : lines_of(read_file(results))) {
        std::vector<std::string> fields;
        std::istringstream stream(line);
        for (std::string field; std::getline(stream, field, ',');)
            fields.push_back(field);
        fields.resize(std::max<std::size_t>(fields.size(), 7));
        rows[fields[1]] = {fields[2], fields[5]};
    }
    rows.erase("callee");
    return rows;
}

/// The numbers that were dialed twice or more.
std::set<std::string> dialed_twice(const std::vector<Request> &diary)
{
    std::set<std::string> once;
    std::set<std::string> twice;
    for (const Request &request : diary) {
        if (!once.insert(request.callee).second)
            twice.insert(request.callee);
    }
    return twice;
}

using Counts = std::map<std::string, std::size_t>;

/// Checks the results of a campaign that is done against the diary: every number is accounted for,
/// truthfully, and was dialed once at the most. Gives how many are in each state.
Counts check_accounts(const std::vector<std::string> &numbers, const std::string &results,
                      const std::vector<Request> &diary)
{
    const std::string about = "seed " + std::to_string(seed()) + "\n" + read_file(results);
    std::map<std::string, std::vector<Request>> requests;
    for (const Request &request : diary)
        requests[request.callee].push_back(request);
    const auto rows = last_rows(results);
    Counts counts;
    for (const std::string &number : numbers) {
        CHECK(rows.count(number) == 1, number + " is not accounted for; " + about);
        const Row &row = rows.at(number);
        const auto &its_requests = requests[number];
        CHECK(its_requests.size() <= 1, number + " was dialed twice; " + about);
        if (row.state == "accepted") {
            CHECK(its_requests.size() == 1, number + " was never dialed; " + about);
            CHECK_EQUAL(its_requests[0].recording_id, row.recording_id);
        } else if (row.state == "refused") {
            CHECK(its_requests.size() == 1 && its_requests[0].recording_id.empty(), number + "; " + about);
        } else {
            // The one state in which it is not known whether there was a request.
            CHECK(row.state == "unknown", number + " is " + row.state + "; " + about);
        }
        ++counts[row.state];
    }
    CHECK(rows.size() == numbers.size(), "there are other numbers in " + about);
    return counts;
}

/// An API that takes one request and shows it.
class Listener {
public:
    Listener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto *any = reinterpret_cast<sockaddr *>(&address);
        CHECK(::bind(socket_, any, size) == 0 && ::listen(socket_, 1) == 0
                  && ::getsockname(socket_, any, &size) == 0,
              "no port");
        port_ = ntohs(address.sin_port);
        // A dialer that never connects must not hang the test.
        const timeval time = {patience.count(), 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    }
    Listener(const Listener &) = delete;
    Listener &operator=(const Listener &) = delete;
    ~Listener() { ::close(socket_); }

    std::string base_url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/voice"; }

    /// Answers one request with this JSON; gives the request's body.
    std::string answer_one(const std::string &json) const
    {
        const int peer = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
        CHECK(peer >= 0, "no connection came");
        std::string request;
        std::size_t body = std::string::npos;
        const auto is_whole = [&] {
            const std::size_t end = request.find("\r\n\r\n");
            const std::size_t length = request.find("Content-Length: ");
            if (end == std::string::npos || length == std::string::npos)
                return false;
            body = end + 4;
            return request.size() >= body + std::stoul(request.substr(length + 16));
        };
        char buffer[4096];
        for (ssize_t count = 1; count > 0 && !is_whole();) {
            count = ::read(peer, buffer, sizeof buffer);
            request.append(buffer, static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        }
        const std::string response = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(json.size())
                                     + "\r\n\r\n" + json;
        CHECK(is_whole() && ::write(peer, response.data(), response.size()) > 0, request);
        ::close(peer);
        return request.substr(body);
    }

private:
    int socket_;
    int port_ = 0;
};

void say(const std::string &text)
{
    std::printf("    (%s)\n", text.c_str());
}

} // namespace

// --- A campaign ----------------------------------------------------------------------------------------

TEST("each number of a list is called, with its fields, and its result is written down")
{
    Sandbox sandbox({"--on", "91=drop", "--on", "92=http-status:502", "--on", "93=garbage"});
    const auto numbers = make_numbers(50, {30, 31, 32, 33, 22, 91, 92, 93, 34, 35});
    Campaign campaign(sandbox, list_of(numbers));
    const Ended ended = campaign.dial();
    CHECK(ended.status == 3, ended.err);
    CHECK_EQUAL(lines_of(ended.out).at(0), "50 numbers: 30 accepted, 5 refused, 15 unknown, 0 still to call");
    CHECK(ended.out.find("look before you redial") != std::string::npos, ended.out);
    CHECK_EQUAL(ended.err, "");
    sandbox.stop();
    const Counts counts = check_accounts(numbers, campaign.results(), sandbox.requests());
    CHECK(counts == Counts({{"accepted", 30}, {"refused", 5}, {"unknown", 15}}), read_file(campaign.results()));
    CHECK_EQUAL(sandbox.requests().size(), 50U);
}

TEST("started again when all is settled, it calls no number and says the same")
{
    // Nor does it know more of what is unknown: there is no record.
    Sandbox sandbox({"--on", "91=drop,record-delay-ms:600000"});
    const auto numbers = make_numbers(10, {30, 22, 91});
    Campaign campaign(sandbox, list_of(numbers));
    const Ended first = campaign.dial();
    const std::string results = read_file(campaign.results());
    const Ended second = campaign.dial({"--patience", "0"});
    CHECK_EQUAL(second.status, first.status);
    CHECK_EQUAL(second.out, first.out);
    CHECK_EQUAL(read_file(campaign.results()), results);
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().size(), 10U);
}

TEST("the exit status says whether the account is refused, or any number left, unknown or refused, in that order")
{
    Sandbox sandbox({"--on", "91=drop"});
    const std::pair<std::vector<int>, int> cases[] = {{{30}, 0}, {{30, 22}, 1}, {{30, 22, 91}, 3},
                                                      {{30, 22, 91, 10}, 77}};
    int first = 0;
    for (const auto &[endings, status] : cases) {
        const Campaign campaign(sandbox, list_of(make_numbers(static_cast<int>(endings.size()), endings, first)));
        first += 10;
        CHECK_EQUAL(campaign.dial({"--parallel", "1"}).status, status);
    }
    // A mistake of the library's to find, so that the call is not sent.
    const Campaign not_sent(sandbox, "callee,called_info\n4915112345622,\n4915112345691,\n4915112345630,\"\xff\"\n");
    CHECK_EQUAL(not_sent.dial().status, 2);
    const Campaign empty(sandbox, "callee\n");
    CHECK_EQUAL(empty.dial().status, 0);
}

TEST("a number is called with its display_num and called_info where they are given, and without where not")
{
    const std::pair<std::string, std::string> cases[] = {
        {"4915112345632,\"a, \"\"b\"\"\",4930123456",
         R"({"callee":"4915112345632","displayNum":"4930123456","account":"8001","appId":"4",)"
         R"("calledInfo":"a, \"b\""})"},
        {"4915112345632,,", R"({"callee":"4915112345632","account":"8001","appId":"4"})"},
    };
    for (const auto &[line, body] : cases) {
        // The gateway's diary does not show all of a request.
        const Listener api;
        Sandbox sandbox;
        Campaign campaign(sandbox, "callee,called_info,display_num\n" + line + '\n');
        auto environment = campaign.environment();
        environment["ITNIO_BASE_URL"] = api.base_url();
        Process dialer(campaign.command(), environment);
        CHECK_EQUAL(api.answer_one(R"({"status":"0","reason":"success","data":"12345"})"), body);
        const Ended ended = dialer.wait();
        CHECK(ended.status == 0, ended.err);
        CHECK_EQUAL(last_rows(campaign.results()).at("4915112345632").recording_id, "12345");
    }
}

TEST("a number that is there twice is dialed once")
{
    Sandbox sandbox;
    Campaign campaign(sandbox, "callee\n4915112345630\n4915112345631\n+4915112345630\n");
    const Ended ended = campaign.dial();
    CHECK(ended.err.find("line 4: 4915112345630 stands in line 2 already") != std::string::npos, ended.err);
    CHECK_EQUAL(lines_of(ended.out).at(0), "2 numbers: 2 accepted, 0 refused, 0 unknown, 0 still to call");
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().size(), 2U);
}

TEST("N calls are in progress at a time, and no more")
{
    Sandbox sandbox({"--delay-ms", "150"});
    const auto numbers = make_numbers(60);
    Campaign campaign(sandbox, list_of(numbers));
    CHECK_EQUAL(campaign.dial({"--parallel", "12"}).status, 0);
    int in_progress = 0;
    int most = 0;
    for (const std::string &line : lines_of(read_file(campaign.results()))) {
        if (line.find(",dialing,") != std::string::npos)
            most = std::max(most, ++in_progress);
        else if (line.find(",accepted,") != std::string::npos)
            --in_progress;
    }
    CHECK_EQUAL(most, 12);
    CHECK_EQUAL(in_progress, 0);
}

// --- Its own end ---------------------------------------------------------------------------------------

TEST("killed at many random moments, with faults, and started again until done: no number is dialed twice")
{
    constexpr int parallel = 8;
    std::minstd_rand random(seed());
    const auto between = [&random](int least, int most) {
        return std::uniform_int_distribution<int>(least, most)(random);
    };
    // Of 95 there is never a record, so that it stays unknown.
    Sandbox sandbox({"--delay-ms", "40", "--on", "91=drop", "--on", "92=http-status:502", "--on",
                     "93=garbage", "--on", "94=delay-ms:60000", "--on", "95=drop,record-delay-ms:6000000"});
    std::vector<int> endings;
    for (int i = 0; i < 40; ++i)
        endings.push_back(30 + i);
    for (const int ending : {18, 22, 26, 91, 92, 93, 95})
        endings.push_back(ending);
    auto numbers = make_numbers(400, endings);
    const auto hanging = make_numbers(2, {94}, 1000);
    numbers.insert(numbers.begin() + 100, hanging.begin(), hanging.end());
    const auto faulty = std::count_if(numbers.begin(), numbers.end(), [](const std::string &number) {
        return number.compare(number.size() - 2, 1, "9") == 0;
    });

    Campaign campaign(sandbox, list_of(numbers));
    const std::vector<std::string> options = {"--parallel",    std::to_string(parallel), "--timeout", "10000",
                                              "--retry-pause", "10", "--patience", "1"};
    int kills = 0;
    int outages = 0;
    Ended ended;
    for (int start = 1; start <= 500; ++start) {
        // Now and then the API is not there, so that calls are not sent.
        const bool outage = start % 6 == 0;
        if (outage) {
            sandbox.stop();
            ++outages;
        }
        Process dialer(campaign.command(options), campaign.environment());
        if (outage) {
            const std::size_t before = campaign.rows("not sent");
            CHECK(eventually([&] { return campaign.rows("not sent") > before || !dialer.running(); }),
                  dialer.err());
        }
        // Later and later, should this machine take long to start a program.
        ended = dialer.kill_after(std::chrono::milliseconds(between(5, 120 + start)));
        if (outage)
            sandbox.restart();
        if (ended.status == -SIGKILL)
            ++kills;
        else if (ended.status != 2)
            break;
    }
    CHECK(ended.status == 3, ended.err);
    sandbox.stop();
    const auto diary = sandbox.requests();
    Counts counts = check_accounts(numbers, campaign.results(), diary);
    say(std::to_string(numbers.size()) + " numbers, killed " + std::to_string(kills) + " times, "
        + std::to_string(outages) + " outages: " + std::to_string(counts["accepted"]) + " accepted, "
        + std::to_string(counts["refused"]) + " refused, " + std::to_string(counts["unknown"]) + " unknown, "
        + std::to_string(campaign.rows("not sent")) + " rows \"not sent\", "
        + std::to_string(diary.size()) + " requests; seed " + std::to_string(seed()));
    CHECK(kills >= 10, "it was meant to be killed more often");
    CHECK(campaign.rows("not sent") > 0, "the outages were meant to be noticed");
    // Nor does it call what it is sure of unknown: of each kill, the calls in progress and no others.
    CHECK(counts["unknown"] <= static_cast<std::size_t>(faulty + kills * parallel), "too many are unknown");
}

namespace {

/// Cuts the power at step 1, 2, ... of a campaign, then at a random step of its second run, and lets the
/// third finish. `each` gets each campaign's numbers and results.
template <class Each>
int cut_the_power(const Sandbox &sandbox, int most, bool lies, Each each)
{
    std::minstd_rand random(seed());
    int cuts = 0;
    bool cut = true;
    for (int step = 1; cut && step <= most; ++step) {
        const auto numbers = make_numbers(5, {30, 31, 22, 32, 91}, step * 10);
        Campaign campaign(sandbox, list_of(numbers));
        auto environment = campaign.environment();
        environment["LD_PRELOAD"] = beside("power_cut.so");
        environment["POWER_CUT_FILE"] = campaign.results();
        if (lies)
            environment["POWER_CUT_LIES"] = "1";
        const auto run_until = [&](int at) {
            environment["POWER_CUT_AT"] = std::to_string(at);
            environment["POWER_CUT_SEED"] = std::to_string(random() % 1'000'000);
            const Ended ended = run(campaign.command({"--parallel", "2", "--patience", "0"}), environment);
            CHECK(ended.status == -SIGKILL || ended.status == 3 || ended.status == 1 || ended.status == 0,
                  std::to_string(ended.status) + ": " + ended.err);
            cuts += ended.status == -SIGKILL;
            return ended.status == -SIGKILL;
        };
        cut = run_until(step);
        run_until(1 + static_cast<int>(random() % 30));
        run_until(-1);
        each(numbers, campaign.results());
    }
    CHECK(!cut || most < 1000, "the steps never end");
    return cuts;
}

} // namespace

TEST("the power cut at every step, and again at a random one: no number is dialed twice, and all are accounted for")
{
    Sandbox sandbox({"--plain", "--on", "91=drop"});
    std::vector<std::pair<std::vector<std::string>, std::string>> done;
    Directory kept;
    const int cuts = cut_the_power(sandbox, 1000, false, [&](const auto &numbers, const std::string &results) {
        const std::string copy = kept / (std::to_string(done.size()) + ".csv");
        write_file(copy, read_file(results));
        done.emplace_back(numbers, copy);
    });
    sandbox.stop();
    std::map<std::string, std::vector<Request>> diary;
    for (const Request &request : sandbox.requests())
        diary[request.callee].push_back(request);
    std::size_t unknown = 0;
    for (const auto &[numbers, results] : done) {
        std::vector<Request> its_diary;
        for (const std::string &number : numbers)
            its_diary.insert(its_diary.end(), diary[number].begin(), diary[number].end());
        unknown += check_accounts(numbers, results, its_diary)["unknown"];
    }
    say(std::to_string(done.size()) + " campaigns of 5 numbers, " + std::to_string(cuts) + " power cuts, "
        + std::to_string(sandbox.requests().size()) + " requests, " + std::to_string(unknown)
        + " unknown; seed " + std::to_string(seed()));
    CHECK(cuts > 50, "it was meant to be cut more often");
    CHECK(unknown <= static_cast<std::size_t>(cuts * 2) + done.size(), "too many are unknown");
}

TEST("a disk that confirms what it has not stored is noticed by the test above")
{
    Sandbox sandbox({"--plain", "--on", "91=drop"});
    cut_the_power(sandbox, 40, true, [](const auto &, const std::string &) {});
    sandbox.stop();
    CHECK(!dialed_twice(sandbox.requests()).empty(), "no number was dialed twice on such a disk");
}

TEST("a first signal lets the calls in progress finish and starts no new ones")
{
    Sandbox sandbox({"--delay-ms", "700"});
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        const auto numbers = make_numbers(20, {30}, signal * 100);
        Campaign campaign(sandbox, list_of(numbers));
        Process dialer(campaign.command({"--parallel", "4"}), campaign.environment());
        CHECK(eventually([&] { return campaign.rows("dialing") >= 4; }), dialer.err());
        dialer.signal(signal);
        const Ended ended = dialer.wait();
        CHECK(ended.status == 128 + signal, ended.err);
        CHECK(ended.err.find("waiting for the calls in progress") != std::string::npos, ended.err);
        const std::size_t called = campaign.rows("dialing");
        CHECK_EQUAL(campaign.rows("accepted"), called);
        CHECK(called < numbers.size(), "it has gone on regardless");
        const Ended rest = campaign.dial({"--parallel", "20"});
        CHECK(rest.status == 0, rest.err);
    }
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().size(), 60U);
    CHECK(dialed_twice(sandbox.requests()).empty(), "a number was dialed twice");
}

TEST("a second signal ends the calls in progress, each with its true result")
{
    Sandbox sandbox({"--plain", "--delay-ms", "600000"});
    const auto numbers = make_numbers(20);
    Campaign campaign(sandbox, list_of(numbers));
    Process dialer(campaign.command({"--parallel", "4", "--timeout", "600000"}), campaign.environment());
    CHECK(eventually([&] { return campaign.rows("dialing") == 4; }), dialer.err());
    // Until the requests are out they would be "not sent", which is as true.
    std::this_thread::sleep_for(2s);
    dialer.signal(SIGTERM);
    CHECK(eventually([&] { return dialer.err().find("no new calls") != std::string::npos; }), dialer.err());
    CHECK(dialer.running(), "the first has ended it");
    dialer.signal(SIGTERM);
    const Ended ended = dialer.wait();
    CHECK(ended.status == 128 + SIGTERM, ended.err);
    CHECK_EQUAL(campaign.rows("dialing"), 4U);
    CHECK_EQUAL(campaign.rows("unknown"), 4U);
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().size(), 4U);
}

TEST("a signal that whoever started it wants ignored is ignored, as by nohup")
{
    Sandbox sandbox({"--delay-ms", "200"});
    Campaign campaign(sandbox, list_of(make_numbers(8)));
    auto command = campaign.command({"--parallel", "4"});
    command.insert(command.begin(), {"/bin/sh", "-c", "trap '' HUP; exec \"$@\"", "sh"});
    Process dialer(command, campaign.environment());
    CHECK(eventually([&] { return campaign.rows("dialing") > 0; }), dialer.err());
    dialer.signal(SIGHUP);
    const Ended ended = dialer.wait();
    CHECK(ended.status == 0, ended.err);
}

TEST("a second dialer over the same results ends at once, and places no call")
{
    Sandbox sandbox({"--delay-ms", "1000"});
    Campaign campaign(sandbox, list_of(make_numbers(2)));
    Process first(campaign.command({"--parallel", "2"}), campaign.environment());
    CHECK(eventually([&] { return campaign.rows("dialing") > 0; }), first.err());
    const Ended second = campaign.dial();
    CHECK(first.running(), "the first has ended already");
    CHECK(second.status == 75, second.err);
    CHECK(second.err.find("in use by another dialer") != std::string::npos, second.err);
    const Ended ended = first.wait();
    CHECK(ended.status == 0, ended.err);
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().size(), 2U);
}

// --- Doubt ---------------------------------------------------------------------------------------------

TEST("what a run left unknown is looked up by the next one: accepted where there is a record, else left as it is")
{
    Sandbox sandbox({"--on", "91=drop", "--on", "92=http-status:502", "--on", "93=garbage", "--on",
                     "95=drop,record-delay-ms:600000"});
    const auto numbers = make_numbers(60, {30, 91, 92, 93, 22, 95});
    Campaign campaign(sandbox, list_of(numbers));
    const Ended first = campaign.dial();
    CHECK(first.status == 3, first.err);
    CHECK_EQUAL(lines_of(first.out).at(0), "60 numbers: 10 accepted, 10 refused, 40 unknown, 0 still to call");
    const std::string results = read_file(campaign.results());

    const Ended second = campaign.dial({"--patience", "0"});
    CHECK(second.status == 3, second.err);
    CHECK_EQUAL(lines_of(second.out).at(0), "60 numbers: 40 accepted, 10 refused, 10 unknown, 0 still to call");
    CHECK(second.err.find("40 unknown of earlier runs, and 30 of them found in the API's records; the last that "
                          "was not: ")
              != std::string::npos,
          second.err);
    CHECK(read_file(campaign.results()).rfind(results, 0) == 0, "rows are only added");
    CHECK_EQUAL(lines_of(read_file(campaign.results())).size(), lines_of(results).size() + 30);

    // Those that are left are looked up again, and are still left as they are.
    const std::string more = read_file(campaign.results());
    const Ended third = campaign.dial({"--patience", "0"});
    CHECK_EQUAL(third.status, 3);
    CHECK_EQUAL(third.out, second.out);
    CHECK_EQUAL(read_file(campaign.results()), more);
    sandbox.stop();
    const Counts counts = check_accounts(numbers, campaign.results(), sandbox.requests());
    CHECK(counts == Counts({{"accepted", 40}, {"refused", 10}, {"unknown", 10}}), read_file(campaign.results()));
    CHECK_EQUAL(sandbox.requests().size(), 60U);
    CHECK_EQUAL(sandbox.looks(), 50U);
}

TEST("with --resolve it looks up what is unknown, and dials no number")
{
    Sandbox sandbox({"--on", "91=drop"});
    const auto numbers = make_numbers(20, {30, 91});
    Campaign campaign(sandbox, list_of({numbers.begin(), numbers.begin() + 10}));
    CHECK_EQUAL(campaign.dial().status, 3);
    write_file(campaign.list(), list_of(numbers));
    const Ended resolved = campaign.dial({"--resolve"});
    CHECK(resolved.status == 2, resolved.err);
    CHECK_EQUAL(resolved.out, "20 numbers: 10 accepted, 0 refused, 0 unknown, 10 still to call\n");
    CHECK_EQUAL(sandbox.requests().size(), 10U);
    // Where there is nothing to look up, it asks nobody.
    const std::size_t looks = sandbox.looks();
    CHECK_EQUAL(campaign.dial({"--resolve"}).out, resolved.out);
    CHECK_EQUAL(sandbox.looks(), looks);
    CHECK_EQUAL(campaign.dial().status, 3);
    CHECK_EQUAL(campaign.dial({"--resolve"}).status, 0);
    sandbox.stop();
    CHECK(check_accounts(numbers, campaign.results(), sandbox.requests()) == Counts({{"accepted", 20}}),
          read_file(campaign.results()));
}

TEST("a record that comes late is waited for, as long as the patience after the call says")
{
    Sandbox sandbox({"--on", "91=drop,record-delay-ms:4000"});
    const auto numbers = make_numbers(3, {91});
    Campaign campaign(sandbox, list_of(numbers));
    CHECK_EQUAL(campaign.dial().status, 3);
    CHECK_EQUAL(campaign.dial({"--patience", "0"}).status, 3);
    CHECK_EQUAL(sandbox.looks(), 3U);
    const Ended found = campaign.dial({"--patience", "60"});
    CHECK(found.status == 0, found.err);
    CHECK(sandbox.looks() > 6, "it asked again");
    sandbox.stop();
    check_accounts(numbers, campaign.results(), sandbox.requests());
}

TEST("killed at random moments and then resolved: each call that was placed is accepted with its ID, and no other")
{
    std::minstd_rand random(seed());
    Sandbox sandbox({"--delay-ms", "10", "--on", "91=drop", "--on", "92=http-status:502"});
    const auto numbers = make_numbers(300, {30, 31, 32, 91, 33, 92, 22});
    Campaign campaign(sandbox, list_of(numbers));
    const std::vector<std::string> options = {"--parallel", "8", "--patience", "0"};
    int kills = 0;
    for (int start = 1; start <= 20; ++start) {
        Process dialer(campaign.command(options), campaign.environment());
        const auto time = std::uniform_int_distribution<int>(5, 105 + start)(random);
        kills += dialer.kill_after(std::chrono::milliseconds(time)).status == -SIGKILL;
    }
    CHECK_EQUAL(campaign.dial(options).status, 3);
    const std::size_t called = sandbox.requests().size();
    // Also while it is looking them up.
    for (int time = 1; time <= 5; ++time)
        Process(campaign.command({"--resolve", "--patience", "0"}), campaign.environment())
            .kill_after(std::chrono::milliseconds(20 * time));
    const Ended resolved = campaign.dial({"--resolve", "--patience", "0"});
    sandbox.stop();
    const auto diary = sandbox.requests();
    CHECK_EQUAL(diary.size(), called);
    Counts counts = check_accounts(numbers, campaign.results(), diary);
    // A refused call has no record.
    std::set<std::string> placed;
    for (const Request &request : diary) {
        if (!request.recording_id.empty())
            placed.insert(request.callee);
    }
    for (const auto &[number, row] : last_rows(campaign.results()))
        CHECK(row.state != "unknown" || placed.count(number) == 0,
              number + " has a record; seed " + std::to_string(seed()) + "\n" + resolved.err);
    say("killed " + std::to_string(kills) + " times: " + std::to_string(diary.size()) + " calls, "
        + std::to_string(counts["accepted"]) + " accepted, " + std::to_string(counts["refused"]) + " refused, "
        + std::to_string(counts["unknown"]) + " unknown, none of which was placed; seed " + std::to_string(seed()));
    CHECK(kills >= 5, "it was meant to be killed more often");
    CHECK(counts["accepted"] > 30, "most of them were placed");
}

TEST("where two records could be the call's, it stays unknown, and their recording IDs are said")
{
    Sandbox sandbox({"--on", "91=drop"});
    const std::string list = list_of(make_numbers(1, {91}));
    Campaign campaign(sandbox, list);
    Campaign another(sandbox, list);
    CHECK_EQUAL(campaign.dial().status, 3);
    CHECK_EQUAL(another.dial().status, 3);
    const std::string results = read_file(campaign.results());
    const Ended ended = campaign.dial({"--patience", "60"});
    CHECK(ended.status == 3, ended.err);
    sandbox.stop();
    for (const Request &request : sandbox.requests())
        CHECK(ended.err.find(request.recording_id) != std::string::npos, ended.err);
    CHECK_EQUAL(sandbox.looks(), 1U);
    CHECK_EQUAL(read_file(campaign.results()), results);
}

TEST("a call of which the results do not say when it was placed is not looked up")
{
    Sandbox sandbox;
    Campaign campaign(sandbox, "callee\n4915112345630\n4915112345631\n");
    const std::string results = "time,callee,state,result,status,recording_id,reason\n"
                                "yesterday,4915112345630,dialing,,,,\n"
                                "yesterday,4915112345630,unknown,10,,,late\n"
                                "2026-01-01T00:00:00.000Z,4915112345631,unknown,10,,,\n";
    write_file(campaign.results(), results);
    const Ended ended = campaign.dial();
    CHECK(ended.status == 3, ended.err);
    CHECK_EQUAL(read_file(campaign.results()), results);
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().size() + sandbox.looks(), 0U);
}

TEST("where the records cannot be read, what is unknown stays so, and it does not ask for each number")
{
    Sandbox sandbox({"--on", "91=drop"});
    const auto numbers = make_numbers(30, {91});
    Campaign campaign(sandbox, list_of(numbers));
    CHECK_EQUAL(campaign.dial({"--parallel", "10"}).status, 3);
    const std::string results = read_file(campaign.results());

    auto environment = campaign.environment();
    environment["ITNIO_API_SECRET"] = "another";
    const Ended refused = run(campaign.command({"--resolve"}), environment);
    CHECK(refused.status == 3, refused.err);
    CHECK(refused.err.find("30 unknown of earlier runs, and 0 of them found") != std::string::npos, refused.err);
    CHECK(refused.err.find("authentication error") != std::string::npos, refused.err);
    CHECK_EQUAL(sandbox.looks(), 1U);
    CHECK_EQUAL(read_file(campaign.results()), results);

    Sandbox broken({"--http-status", "502"});
    const Ended failed = run(campaign.command({"--resolve", "--patience", "0"}), broken.environment());
    CHECK(failed.status == 3, failed.err);
    CHECK_EQUAL(broken.looks(), 3U);
    CHECK_EQUAL(read_file(campaign.results()), results);

    CHECK_EQUAL(campaign.dial({"--resolve"}).status, 0);
    sandbox.stop();
    check_accounts(numbers, campaign.results(), sandbox.requests());
}

TEST("a signal ends the wait for a record, too")
{
    Sandbox sandbox({"--on", "91=drop,record-delay-ms:600000"});
    Campaign campaign(sandbox, list_of(make_numbers(1, {91})));
    CHECK_EQUAL(campaign.dial().status, 3);
    Process dialer(campaign.command({"--patience", "600"}), campaign.environment());
    CHECK(eventually([&] { return sandbox.looks() > 0; }), dialer.err());
    dialer.signal(SIGTERM);
    const Ended ended = dialer.wait();
    CHECK(ended.status == 3, ended.err);
}

// --- Trouble ----------------------------------------------------------------------------------------------

TEST("calls that were not sent are tried again as often as asked for, and by the next run")
{
    Sandbox sandbox;
    sandbox.stop();
    const auto numbers = make_numbers(3);
    Campaign campaign(sandbox, list_of(numbers));
    const Ended tried = campaign.dial({"--retry-unsent", "2", "--retry-pause", "10"});
    CHECK(tried.status == 2, tried.err);
    CHECK_EQUAL(campaign.rows("dialing"), 9U);
    CHECK_EQUAL(campaign.rows("not sent"), 9U);
    CHECK(tried.err.find("3 not sent; the last: ") != std::string::npos, tried.err);
    sandbox.restart();
    const Ended again = campaign.dial();
    CHECK(again.status == 0, again.err);
    sandbox.stop();
    check_accounts(numbers, campaign.results(), sandbox.requests());
}

TEST("a mistake in an argument is not tried again in the same run")
{
    Sandbox sandbox;
    Campaign campaign(sandbox, "callee,called_info\n4915112345630,\"\xff\"\n");
    const Ended ended = campaign.dial({"--retry-pause", "10"});
    CHECK(ended.status == 2, ended.err);
    CHECK_EQUAL(campaign.rows("dialing"), 1U);
    CHECK(ended.err.find("called_info: ") != std::string::npos, ended.err);
}

TEST("where the API refuses the account, the run ends, and the next one calls those numbers, too")
{
    const auto numbers = make_numbers(30, {10});
    Sandbox empty;
    Campaign campaign(empty, list_of(numbers));
    const Ended ended = campaign.dial({"--parallel", "2"});
    CHECK(ended.status == 77, ended.err);
    CHECK(ended.err.find("refuses the account, with status -10") != std::string::npos, ended.err);
    empty.stop();
    CHECK(empty.requests().size() <= 3, std::to_string(empty.requests().size()) + " were called regardless");

    Sandbox paid({"--on", "10=status:0"});
    const Ended rest = run(campaign.command(), paid.environment());
    CHECK(rest.status == 0, rest.err);
    paid.stop();
    check_accounts(numbers, campaign.results(), paid.requests());
}

TEST("where the results cannot be written any more, no further call is placed, and what is known is said")
{
    Sandbox sandbox({"--delay-ms", "500"});
    Campaign campaign(sandbox, list_of(make_numbers(20)));
    Process dialer(campaign.command({"--parallel", "2"}), campaign.environment());
    CHECK(eventually([&] { return campaign.rows("dialing") == 2; }), dialer.err());
    // As an editor does it.
    write_file(campaign.beside_results("new.csv"), read_file(campaign.results()));
    std::filesystem::rename(campaign.beside_results("new.csv"), campaign.results());
    const Ended ended = dialer.wait();
    CHECK(ended.status == 74, ended.err);
    CHECK(ended.err.find("was changed by another program") != std::string::npos, ended.err);
    sandbox.stop();
    const auto diary = sandbox.requests();
    CHECK_EQUAL(diary.size(), 2U);
    for (const Request &request : diary)
        CHECK(ended.err.find(request.callee + ",accepted,0,0," + request.recording_id) != std::string::npos,
              ended.err);
}

TEST("a list with a mistake is refused as a whole, with the line, and nothing is dialed or written")
{
    Sandbox sandbox;
    Campaign campaign(sandbox, "callee\n4915112345630\n4915x\n");
    const Ended ended = campaign.dial();
    CHECK(ended.status == 65, ended.err);
    CHECK(ended.err.find("line 3: callee: \"4915x\"") != std::string::npos, ended.err);
    CHECK(ended.err.find("nothing was dialed") != std::string::npos, ended.err);
    CHECK(!std::filesystem::exists(campaign.results()), "there are results");
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().size(), 0U);
}

TEST("a results file that is something else is left alone")
{
    Sandbox sandbox;
    Campaign campaign(sandbox, "callee\n4915112345630\n");
    write_file(campaign.results(), "my,own,file\n1,2,3\n");
    const Ended ended = campaign.dial();
    CHECK(ended.status == 73, ended.err);
    CHECK_EQUAL(read_file(campaign.results()), "my,own,file\n1,2,3\n");
    // The same file for both is such a mistake.
    auto command = campaign.command();
    command.back() = campaign.list();
    CHECK_EQUAL(run(command, campaign.environment()).status, 73);
    CHECK_EQUAL(read_file(campaign.list()), "callee\n4915112345630\n");
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().size(), 0U);
}

TEST("used wrongly, it says how, and dials no number")
{
    Sandbox sandbox;
    Campaign campaign(sandbox, "callee\n4915112345630\n");
    const std::pair<std::vector<std::string>, std::string> cases[] = {
        {{"--parallel", "0"}, "--parallel: \"0\" is not a number from 1 to 1000"},
        {{"--parallel", "4x"}, "--parallel: \"4x\""},
        {{"--timeout", "-1"}, "--timeout: \"-1\""},
        {{"--frobnicate"}, "frobnicate"},
        {{"--account", ""}, "--account and --app-id are needed"},
        {{"another.csv"}, "two files are needed"},
        {{"--patience", "1s"}, "--patience: \"1s\" is not a number from 0 to 86400"},
        {{"--dry-run", "--resolve"}, "not both"},
    };
    for (const auto &[options, expected] : cases) {
        const Ended ended = campaign.dial(options);
        CHECK(ended.status == 64, ended.err);
        CHECK(ended.err.find(expected) != std::string::npos, ended.err);
        CHECK(ended.err.find("--help") != std::string::npos, ended.err);
    }
    auto environment = campaign.environment();
    environment["ITNIO_API_SECRET"] = "";
    const Ended no_secret = run(campaign.command(), environment);
    CHECK(no_secret.status == 64 && no_secret.err.find("api_secret") != std::string::npos, no_secret.err);
    std::filesystem::remove(campaign.list());
    CHECK_EQUAL(campaign.dial().status, 66);
    std::filesystem::create_directory(campaign.list());
    CHECK_EQUAL(campaign.dial().status, 66);
    CHECK(!std::filesystem::exists(campaign.results()), "there are results");
    const Ended help = run({beside("dialer"), "--help"});
    CHECK(help.status == 0 && help.out.find("usage: dialer") == 0, help.out);
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().size(), 0U);
}

TEST("a dry run says what a run would do, and dials no number")
{
    Sandbox sandbox;
    Campaign campaign(sandbox, list_of(make_numbers(3, {22, 30})));
    const std::string before = "3 numbers: 0 accepted, 0 refused, 0 unknown, 3 still to call\n";
    CHECK_EQUAL(campaign.dial({"--dry-run"}).out, before);
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().size(), 0U);
}

// --- The terminal ---------------------------------------------------------------------------------------

TEST("progress is shown on a terminal, within its width, and nowhere else")
{
    Sandbox sandbox({"--delay-ms", "200"});
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(master >= 0 && ::grantpt(master) == 0 && ::unlockpt(master) == 0, "no pseudo-terminal");
    const int terminal = ::open(::ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    winsize size = {};
    size.ws_col = 40;
    size.ws_row = 24;
    CHECK(terminal >= 0 && ::ioctl(terminal, TIOCSWINSZ, &size) == 0, "no terminal");

    Campaign campaign(sandbox, list_of(make_numbers(8)));
    Ended ended;
    {
        Process dialer(campaign.command({"--parallel", "4"}), campaign.environment(), terminal);
        ended = dialer.wait();
    }
    CHECK_EQUAL(ended.status, 0);
    std::string shown(1 << 16, '\0');
    ::fcntl(master, F_SETFL, O_NONBLOCK);
    const ssize_t count = ::read(master, shown.data(), shown.size());
    ::close(terminal);
    ::close(master);
    shown.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    CHECK(shown.find("0 of 8: accepted 0") != std::string::npos, shown);
    CHECK(shown.find("of 8: accepted") < shown.rfind("\r\x1b[K"), "it is erased in the end");
    for (std::size_t begin = 0; begin < shown.size();) {
        const std::size_t end = std::min(shown.find('\r', begin), shown.size());
        CHECK(end - begin < 40 + std::string("\x1b[K").size(), shown.substr(begin, end - begin));
        begin = end + 1;
    }
    // The other tests see what is written to a file.
    CHECK_EQUAL(campaign.dial().err, "");
}

int main(int argc, char **argv)
{
    return check::run(argc, argv);
}
