// include/itnio.hpp at work, against the sandbox gateway. Compiled with the address sanitizer, so that a
// string that is freed twice, or never, fails the test.
#include <itnio.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <new>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "check.hpp"
#include "sandbox.hpp"

using namespace std::chrono_literals;

// --- The allocation that the header makes, made to fail and looked at when it ends ---------------------

namespace {

std::atomic<bool> memory_is_short{false};
std::atomic<char *> latest{nullptr};
std::atomic<std::size_t> latest_size{0};
std::atomic<int> left_unwiped{0};

} // namespace

void *operator new[](std::size_t size, const std::nothrow_t &) noexcept
{
    if (memory_is_short)
        return nullptr;
    char *memory = static_cast<char *>(std::malloc(size));
    latest_size = size;
    latest = memory;
    return memory;
}

// The sanitizer wants the two to come from the same place.
void *operator new[](std::size_t size)
{
    if (void *memory = std::malloc(size))
        return memory;
    throw std::bad_alloc();
}

void operator delete[](void *memory) noexcept
{
    if (memory != nullptr && memory == latest.exchange(nullptr)) {
        const char *bytes = static_cast<const char *>(memory);
        for (std::size_t i = 0; i < latest_size; ++i)
            left_unwiped += bytes[i] != 0;
    }
    std::free(memory);
}

void operator delete[](void *memory, std::size_t) noexcept
{
    operator delete[](memory);
}

namespace {

itnio::Config config_for(const Sandbox &sandbox)
{
    itnio::Config config;
    config.api_key = "bDqJFiq9";
    config.api_secret = "7bz1lzh9";
    config.base_url = sandbox.base_url();
    config.ca_file = sandbox.ca_file();
    config.proxy = "";
    return config;
}

itnio::Client client_of(const itnio::Config &config)
{
    itnio::NewClient client = itnio::Client::create(config);
    CHECK(client.has_value(), client.error().reason());
    return *std::move(client);
}

itnio::Request request_to(const std::string &callee)
{
    itnio::Request request;
    request.callee = callee;
    request.account = "8001";
    request.app_id = "4";
    return request;
}

/// The result is this case and none of the others.
void expect(const itnio::Result &result, itnio::Outcome outcome, std::int32_t code)
{
    using itnio::Outcome;
    CHECK_EQUAL(result.code(), code);
    CHECK(result.outcome() == outcome, result.reason());
    CHECK_EQUAL(result.accepted(), outcome == Outcome::accepted);
    CHECK_EQUAL(result.refused(), outcome == Outcome::refused);
    CHECK_EQUAL(result.not_sent(), outcome == Outcome::not_sent);
    CHECK_EQUAL(result.unknown(), outcome == Outcome::unknown);
    CHECK_EQUAL(result.may_have_dialed(), outcome == Outcome::accepted || outcome == Outcome::unknown);
    CHECK_EQUAL(result.recording_id().empty(), outcome != Outcome::accepted);
    CHECK_EQUAL(result.reason().empty(), outcome == Outcome::accepted);
    CHECK(!result.message().empty(), "every result has a message");
}

bool begins_with(const std::string &text, const std::string &start)
{
    return text.rfind(start, 0) == 0;
}

} // namespace

TEST("an accepted call gives the recording ID that the API gave")
{
    Sandbox sandbox;
    const itnio::Client client = client_of(config_for(sandbox));
    const std::string callee = "8613800138000";
    const itnio::Result result = client.send_sip(request_to(callee));
    expect(result, itnio::Outcome::accepted, ITNIO_OK);
    CHECK_EQUAL(result.status().value(), 0);
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().at(0).recording_id, result.recording_id());
}

TEST("a refused call gives the API's status and reason")
{
    Sandbox sandbox;
    const itnio::Client client = client_of(config_for(sandbox));
    const std::string callee = "8613800138010";
    const itnio::Result result = client.send_sip(request_to(callee));
    expect(result, itnio::Outcome::refused, ITNIO_REJECTED);
    CHECK_EQUAL(result.status().value(), -10);
    CHECK_EQUAL(result.reason(), "the customer's balance is insufficient");
    CHECK(!itnio::status_message(-10).empty(), "it is documented");
}

TEST("a call where no server listens is not sent")
{
    std::string base_url;
    {
        Sandbox sandbox({"--plain"});
        base_url = sandbox.base_url();
    }
    itnio::Config config;
    config.api_key = "key";
    config.api_secret = "secret";
    config.base_url = base_url;
    const std::string callee = "8613800138000";
    const itnio::Result result = client_of(config).send_sip(request_to(callee));
    expect(result, itnio::Outcome::not_sent, ITNIO_CONNECT_FAILED);
    CHECK(!result.status().has_value(), "there was no server");
}

TEST("a call without a response of the API is unknown")
{
    Sandbox sandbox({"--on", "91=drop", "--on", "92=http-status:502", "--on", "93=garbage", "--on",
                     "94=delay-ms:60000"});
    itnio::Config config = config_for(sandbox);
    config.timeout = 1s;
    const itnio::Client client = client_of(config);
    const std::pair<std::string, int> cases[] = {{"8613800138091", ITNIO_CONNECTION_LOST},
                                                 {"8613800138092", ITNIO_HTTP_ERROR},
                                                 {"8613800138093", ITNIO_BAD_RESPONSE},
                                                 {"8613800138094", ITNIO_TIMED_OUT}};
    for (const auto &[callee, code] : cases) {
        const itnio::Result result = client.send_sip(request_to(callee));
        expect(result, itnio::Outcome::unknown, code);
        CHECK(!result.status().has_value(), "the API did not respond");
    }
}

TEST("a NUL in a field of a request is an error that names it, and nothing is sent")
{
    using namespace std::string_view_literals;
    Sandbox sandbox;
    const itnio::Client client = client_of(config_for(sandbox));
    const std::pair<const char *, itnio::Text itnio::Request::*> fields[] = {
        {"callee", &itnio::Request::callee},
        {"display_num", &itnio::Request::display_num},
        {"account", &itnio::Request::account},
        {"app_id", &itnio::Request::app_id},
        {"called_info", &itnio::Request::called_info}};
    const std::string callee = "8613800138000";
    for (const auto &[name, field] : fields) {
        for (const std::string_view text : {"8613800138\0000"sv, "8613800138000\0"sv, "\0"sv}) {
            itnio::Request request = request_to(callee);
            request.*field = text;
            const itnio::Result result = client.send_sip(request);
            expect(result, itnio::Outcome::not_sent, ITNIO_INVALID_ARGUMENT);
            CHECK(begins_with(result.reason(), std::string(name) + ": "), result.reason());
        }
    }
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().size(), 0U);
}

TEST("a NUL in a field of a config is an error that names it")
{
    using namespace std::string_view_literals;
    const std::pair<const char *, itnio::Text itnio::Config::*> fields[] = {
        {"api_key", &itnio::Config::api_key},
        {"api_secret", &itnio::Config::api_secret},
        {"base_url", &itnio::Config::base_url},
        {"ca_file", &itnio::Config::ca_file},
        {"proxy", &itnio::Config::proxy}};
    for (const auto &[name, field] : fields) {
        itnio::Config config;
        config.api_key = "key";
        config.api_secret = "secret";
        config.*field = "http://127.0.0.1/\0voice"sv;
        const itnio::NewClient client = itnio::Client::create(config);
        CHECK(!client, name);
        CHECK_EQUAL(client.error().code(), ITNIO_INVALID_ARGUMENT);
        CHECK(begins_with(client.error().reason(), std::string(name) + ": "), client.error().reason());
    }
}

TEST("a part of a longer string is sent as that part")
{
    Sandbox sandbox;
    const itnio::Client client = client_of(config_for(sandbox));
    const std::string line = "8613800138000;8613800138030";
    itnio::Request request;
    request.callee = std::string_view(line).substr(0, 13);
    request.account = std::string_view("8001,").substr(0, 4);
    request.app_id = std::string_view("4,").substr(0, 1);
    expect(client.send_sip(request), itnio::Outcome::accepted, ITNIO_OK);
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().at(0).callee, line.substr(0, 13));
}

TEST("every field arrives as itself, and what is not given is left out")
{
    Sandbox sandbox;
    const itnio::Client client = client_of(config_for(sandbox));
    const std::string callee = "8613800138000";
    const std::string long_text(1001, 'x');
    // The gateway refuses a field that is wrong, and says which; so it has seen it.
    const std::pair<const char *, itnio::Text itnio::Request::*> fields[] = {
        {"callee", &itnio::Request::callee},
        {"displayNum", &itnio::Request::display_num},
        {"account", &itnio::Request::account},
        {"appId", &itnio::Request::app_id},
        {"calledInfo", &itnio::Request::called_info}};
    for (const auto &[name, field] : fields) {
        itnio::Request request = request_to(callee);
        const bool may_be_any_text = field == &itnio::Request::called_info;
        const bool is_required_text = field == &itnio::Request::account || field == &itnio::Request::app_id;
        if (is_required_text) {
            request.*field = nullptr; // the library itself sees to these
            expect(client.send_sip(request), itnio::Outcome::not_sent, ITNIO_INVALID_ARGUMENT);
            continue;
        }
        if (may_be_any_text)
            request.*field = long_text;
        else
            request.*field = "no digits";
        const itnio::Result result = client.send_sip(request);
        expect(result, itnio::Outcome::refused, ITNIO_REJECTED);
        CHECK_EQUAL(result.status().value(), -22);
        CHECK(result.reason().find(std::string(" ") + name + " must be") != std::string::npos,
              result.reason());
    }
    // Empty is not the same as not given: an empty displayNum is wrong, an absent one is not.
    itnio::Request request = request_to(callee);
    request.display_num = "";
    expect(client.send_sip(request), itnio::Outcome::refused, ITNIO_REJECTED);
    request.display_num = nullptr;
    expect(client.send_sip(request), itnio::Outcome::accepted, ITNIO_OK);
}

TEST("what getenv() gives for a variable that is not set is not given")
{
    itnio::Config config;
    config.api_key = std::getenv("ITNIO_NO_SUCH_VARIABLE");
    CHECK(!config.api_key.given(), "NULL");
    const itnio::NewClient client = itnio::Client::create(config);
    CHECK(!client, "a key is required");
    CHECK(begins_with(client.error().reason(), "api_key: "), client.error().reason());
    CHECK(!client.error().message().empty(), "every result has a message");
}

TEST("an empty client places no calls: made by default, moved from, or never made")
{
    Sandbox sandbox;
    const std::string callee = "8613800138000";
    itnio::Client moved_from = client_of(config_for(sandbox));
    itnio::Client client = std::move(moved_from);
    itnio::NewClient never_made = itnio::Client::create({});
    CHECK(never_made->handle() == nullptr, "there is none");
    const itnio::Client by_default;
    for (const itnio::Client *empty : {&std::as_const(moved_from), &by_default, &*std::as_const(never_made)}) {
        expect(empty->send_sip(request_to(callee)), itnio::Outcome::not_sent, ITNIO_INVALID_ARGUMENT);
        empty->shutdown();
    }
    expect(client.send_sip(request_to(callee)), itnio::Outcome::accepted, ITNIO_OK);
    // The one that it replaces is freed, which the sanitizer looks after.
    client = client_of(config_for(sandbox));
    expect(client.send_sip(request_to(callee)), itnio::Outcome::accepted, ITNIO_OK);
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().size(), 2U);
}

TEST("a result that was moved keeps what it says, and one that was moved from says unknown")
{
    Sandbox sandbox;
    const itnio::Client client = client_of(config_for(sandbox));
    const std::string accepted = "8613800138000";
    const std::string refused = "8613800138010";
    itnio::Result first = client.send_sip(request_to(accepted));
    const std::string recording_id = first.recording_id();
    itnio::Result second = std::move(first);
    expect(second, itnio::Outcome::accepted, ITNIO_OK);
    CHECK_EQUAL(second.recording_id(), recording_id);
    CHECK(first.unknown() && first.recording_id().empty() && !first.status(), first.reason());
    second = client.send_sip(request_to(refused));
    expect(second, itnio::Outcome::refused, ITNIO_REJECTED);
    first = std::move(second);
    expect(first, itnio::Outcome::refused, ITNIO_REJECTED);
    CHECK(second.unknown(), second.reason());
}

TEST("where memory is short before the request is sent, the call is not sent and nothing is thrown")
{
    Sandbox sandbox;
    const itnio::Config config = config_for(sandbox);
    const itnio::Client client = client_of(config);
    const std::string callee = "8613800138000";
    const itnio::Request request = request_to(callee);
    memory_is_short = true;
    const itnio::Result result = client.send_sip(request);
    const itnio::NewClient no_client = itnio::Client::create(config);
    memory_is_short = false;
    expect(result, itnio::Outcome::not_sent, ITNIO_CONNECT_FAILED);
    CHECK(result.reason().find("memory") != std::string::npos, result.reason());
    CHECK(!no_client, "there is no client without memory");
    CHECK_EQUAL(no_client.error().code(), ITNIO_CONNECT_FAILED);
    expect(client.send_sip(request), itnio::Outcome::accepted, ITNIO_OK);
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().size(), 1U);
}

TEST("the copies of the credentials are wiped")
{
    Sandbox sandbox;
    left_unwiped = 0;
    latest = nullptr;
    const itnio::Client client = client_of(config_for(sandbox));
    CHECK(latest_size > std::string("bDqJFiq97bz1lzh9").size(), "the copies are made here");
    CHECK(latest == nullptr, "they have been freed");
    CHECK_EQUAL(left_unwiped.load(), 0);
}

TEST("one client serves many threads, and every call gets its own response")
{
    constexpr int threads = 16;
    constexpr int calls = 25;
    Sandbox sandbox;
    const itnio::Client client = client_of(config_for(sandbox));
    std::vector<std::vector<std::pair<std::string, std::string>>> responses(threads);
    std::vector<std::thread> workers;
    for (int thread = 0; thread < threads; ++thread) {
        workers.emplace_back([&client, thread, &mine = responses[static_cast<std::size_t>(thread)]] {
            for (int call = 0; call < calls; ++call) {
                const std::string callee = std::to_string(86138000000050 + 100000 * thread + 100 * call);
                mine.emplace_back(callee, client.send_sip(request_to(callee)).recording_id());
            }
        });
    }
    for (std::thread &worker : workers)
        worker.join();
    sandbox.stop();
    std::set<std::pair<std::string, std::string>> diary;
    for (const Request &request : sandbox.requests())
        diary.emplace(request.callee, request.recording_id);
    CHECK_EQUAL(diary.size(), static_cast<std::size_t>(threads * calls));
    for (const auto &mine : responses) {
        for (const auto &response : mine)
            CHECK(diary.count(response) == 1, response.first + " got " + response.second);
    }
}

TEST("shutdown ends a call in progress with its true result, and refuses new ones")
{
    Sandbox sandbox({"--plain", "--delay-ms", "600000"});
    itnio::Config config = config_for(sandbox);
    config.timeout = 600s;
    const itnio::Client client = client_of(config);
    const std::string callee = "8613800138000";
    std::atomic<bool> called{false};
    std::thread other([&] {
        // Until the request is sent it would be a SHUT_DOWN; both are true, and the test is for one.
        std::this_thread::sleep_for(2s);
        called = true;
        client.shutdown();
    });
    const itnio::Result result = client.send_sip(request_to(callee));
    other.join();
    CHECK(called, "it has waited for the response until then");
    expect(result, itnio::Outcome::unknown, ITNIO_CONNECTION_LOST);
    expect(client.send_sip(request_to(callee)), itnio::Outcome::not_sent, ITNIO_SHUT_DOWN);
}

TEST("a time that C cannot hold is an error that names the field")
{
    const std::chrono::milliseconds most(std::numeric_limits<std::uint32_t>::max());
    const std::pair<const char *, std::chrono::milliseconds itnio::Config::*> fields[] = {
        {"connect_timeout", &itnio::Config::connect_timeout}, {"timeout", &itnio::Config::timeout}};
    for (const auto &[name, field] : fields) {
        for (const auto &[duration, good] :
             {std::pair(-1ms, false), std::pair(0ms, true), std::pair(most, true),
              std::pair(most + 1ms, false), std::pair(std::chrono::milliseconds::max(), false),
              std::pair(std::chrono::milliseconds::min(), false)}) {
            itnio::Config config;
            config.api_key = "key";
            config.api_secret = "secret";
            config.base_url = "http://127.0.0.1:9";
            config.*field = duration;
            const itnio::NewClient client = itnio::Client::create(config);
            CHECK_EQUAL(client.has_value(), good);
            CHECK(good || begins_with(client.error().reason(), std::string(name) + ": "),
                  client.error().reason());
            CHECK_EQUAL(client.error().code(), good ? ITNIO_OK : ITNIO_INVALID_ARGUMENT);
        }
    }
}

TEST("the versions of library and header are the same here")
{
    CHECK_EQUAL(itnio::version(), ITNIO_VERSION);
}

int main(int argc, char **argv)
{
    return check::run(argc, argv);
}
