// include/itnio.hpp at work, against the sandbox gateway. Compiled with the address sanitizer, so that a
// string that is freed twice, or never, fails the test.
#include <itnio.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <map>
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
    const std::string callee = "8613800138000";
    for (const std::chrono::milliseconds duration : {-1ms, most + 1ms, std::chrono::milliseconds::min()}) {
        itnio::Request request = request_to(callee);
        request.timeout = duration;
        const itnio::Result result = itnio::Client().send_sip(request);
        expect(result, itnio::Outcome::not_sent, ITNIO_INVALID_ARGUMENT);
        CHECK(begins_with(result.reason(), "timeout: "), result.reason());
    }
}

TEST("a call in doubt that was placed is found, with the recording ID that the API gave")
{
    Sandbox sandbox({"--on", "91=drop", "--on", "92=http-status:502", "--on", "93=garbage", "--on",
                     "94=delay-ms:3000"});
    const itnio::Client client = client_of(config_for(sandbox));
    std::map<std::string, std::string> found;
    for (const std::string callee : {"8613800138091", "8613800138092", "8613800138093", "8613800138094"}) {
        itnio::Request request = request_to(callee);
        request.timeout = 1s;
        const auto since = std::chrono::system_clock::now();
        itnio::Result result = client.send_sip(request);
        CHECK(result.unknown(), result.reason());
        result = client.find_call(request, since, 30s);
        expect(result, itnio::Outcome::accepted, ITNIO_OK);
        CHECK_EQUAL(result.status().value(), 0);
        found[callee] = result.recording_id();
    }
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().size(), found.size());
    for (const Request &request : sandbox.requests())
        CHECK_EQUAL(request.recording_id, found[request.callee]);
}

TEST("a call in doubt whose record comes late is found within the patience, and stays in doubt before")
{
    Sandbox sandbox({"--on", "91=drop,record-delay-ms:4000"});
    const itnio::Client client = client_of(config_for(sandbox));
    const std::string callee = "8613800138091";
    const itnio::Request request = request_to(callee);
    const auto since = std::chrono::system_clock::now();
    const itnio::Result result = client.send_sip(request);
    expect(result, itnio::Outcome::unknown, ITNIO_CONNECTION_LOST);
    expect(client.find_call(request, since, 0ms), itnio::Outcome::unknown, ITNIO_NO_RECORD);
    const std::size_t looks = sandbox.looks();
    expect(client.find_call(request, since, 60s), itnio::Outcome::accepted, ITNIO_OK);
    CHECK(sandbox.looks() > looks + 1, "it has asked again");
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().size(), 1U);
}

TEST("a call without a record stays in doubt once the patience is over, with the reason")
{
    Sandbox sandbox({"--on", "91=drop,record-delay-ms:600000"});
    const itnio::Client client = client_of(config_for(sandbox));
    const std::string callee = "8613800138091";
    const itnio::Request request = request_to(callee);
    const auto since = std::chrono::system_clock::now();
    const auto began = std::chrono::steady_clock::now();
    CHECK(client.send_sip(request).unknown(), "it was dropped");
    const itnio::Result result = client.find_call(request, since, 1s);
    expect(result, itnio::Outcome::unknown, ITNIO_NO_RECORD);
    CHECK(std::chrono::steady_clock::now() - began >= 1s, "it was patient");
    CHECK(result.reason().find("no record") != std::string::npos, result.reason());
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().size(), 1U);
    // Nor where the API is not there any more: the look was not sent, but the call may have been.
    expect(client.find_call(request, since, 0ms), itnio::Outcome::unknown, ITNIO_RECORDS_FAILED);
}

TEST("several calls that could be the one leave it in doubt, with their recording IDs")
{
    Sandbox sandbox({"--on", "91=drop"});
    const itnio::Client client = client_of(config_for(sandbox));
    const std::string callee = "8613800138091";
    const itnio::Request request = request_to(callee);
    const auto since = std::chrono::system_clock::now();
    CHECK(client.send_sip(request).unknown() && client.send_sip(request).unknown(), "they were dropped");
    const itnio::Result result = client.find_call(request, since, 30s);
    expect(result, itnio::Outcome::unknown, ITNIO_SEVERAL_RECORDS);
    sandbox.stop();
    for (const Request &call : sandbox.requests())
        CHECK(result.reason().find(call.recording_id) != std::string::npos, result.reason());
}

TEST("a look at the records that cannot be asked for leaves the call in doubt, and sends nothing")
{
    using namespace std::string_view_literals;
    Sandbox sandbox;
    const itnio::Client client = client_of(config_for(sandbox));
    const itnio::Client empty;
    const std::string callee = "8613800138000";
    const itnio::Request good = request_to(callee);
    itnio::Request with_nul = good;
    with_nul.callee = "8613800138\0000"sv;
    itnio::Request without_account = good;
    without_account.account = nullptr;
    itnio::Request negative = good;
    negative.timeout = -1ms;
    const auto now = std::chrono::system_clock::now();
    const auto in_doubt = [](const itnio::Result &result, const std::string &field) {
        expect(result, itnio::Outcome::unknown, ITNIO_RECORDS_FAILED);
        CHECK(begins_with(result.reason(), field + ": "), result.reason());
    };
    in_doubt(client.find_call(with_nul, now, 0ms), "callee");
    in_doubt(client.find_call(without_account, now, 0ms), "account");
    in_doubt(client.find_call(negative, now, 0ms), "timeout");
    in_doubt(client.find_call(good, now, -1ms), "patience");
    in_doubt(client.find_call(good, {}, 0ms), "since");
    in_doubt(empty.find_call(good, now, 0ms), "client");
    memory_is_short = true;
    const itnio::Result without_memory = client.find_call(good, now, 0ms);
    memory_is_short = false;
    expect(without_memory, itnio::Outcome::unknown, ITNIO_RECORDS_FAILED);
    CHECK(without_memory.reason().find("memory") != std::string::npos, without_memory.reason());
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().size() + sandbox.looks(), 0U);
}

TEST("the record of an accepted call is read by its recording ID")
{
    Sandbox sandbox;
    const itnio::Client client = client_of(config_for(sandbox));
    const std::string callee = "8613800138003";
    const std::string display_num = "4930123456";
    itnio::Request request = request_to(callee);
    request.display_num = display_num;
    const auto before = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const std::string recording_id = client.send_sip(request).recording_id();
    const auto after = std::chrono::system_clock::now();

    const itnio::FoundRecord found = client.get_record(recording_id);
    CHECK(found.has_value() && !found.does_not_exist(), found.error().reason());
    CHECK_EQUAL(found.status().value(), 0);
    CHECK_EQUAL(found.error().reason(), "");
    const itnio::Record record = *found;
    CHECK_EQUAL(record.recording_id(), recording_id);
    CHECK_EQUAL(found->callee(), callee);
    CHECK_EQUAL(record.display_num(), display_num);
    CHECK_EQUAL(record.phone_name(), "phone-8001");
    CHECK_EQUAL(record.phone_group(), "sandbox");
    CHECK(!record.region().empty() && !record.rate().empty(), "they are there");
    CHECK(record.submitted().value() >= before && record.submitted().value() <= after,
          std::string(record.submit_time()));
    CHECK(record.submitted() < record.called() && record.called() < record.ringing()
              && record.ringing() < record.answered() && record.answered() < record.hung_up(),
          "they are in order");
    // The same, as received: with the API's offset.
    for (const std::string_view text : {record.submit_time(), record.call_time(), record.ringing_time(),
                                        record.answer_time(), record.hangup_time()})
        CHECK(text.size() == std::string_view("2022-02-18T14:42:40+08:00").size(), std::string(text));
    CHECK_EQUAL(record.call_duration().value().count(), 35);
    CHECK_EQUAL(record.charged_duration().value().count(), 60);
    CHECK_EQUAL(record.termination_code(), "200");
    CHECK_EQUAL(record.termination_reason(), "success");
    CHECK_EQUAL(record.cost(), "0.02");
    CHECK_EQUAL(record.billing_period(), "60+60");
    CHECK_EQUAL(record.recording_file_id(), "file-" + recording_id);
    CHECK_EQUAL(record.currency(), "");
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().size(), 1U);
    CHECK_EQUAL(sandbox.looks(), 1U);
}

TEST("what has not happened is not in a record")
{
    Sandbox sandbox;
    const itnio::Client client = client_of(config_for(sandbox));
    // Busy, not answered, still ringing.
    for (const std::string callee : {"8613800138730", "8613800138830", "8613800138930"}) {
        const std::string recording_id = client.send_sip(request_to(callee)).recording_id();
        const itnio::FoundRecord found = client.get_record(recording_id);
        CHECK(found.has_value(), found.error().reason());
        CHECK(found->called() && !found->call_time().empty(), callee);
        CHECK(!found->answered() && found->answer_time().empty(), callee);
        const bool has_rung = callee != "8613800138730";
        CHECK_EQUAL(found->ringing().has_value(), has_rung);
        CHECK_EQUAL(found->ringing_time().empty(), !has_rung);
        const bool is_over = callee != "8613800138930";
        CHECK_EQUAL(found->hung_up().has_value(), is_over);
        CHECK_EQUAL(found->call_duration().has_value(), is_over);
        CHECK_EQUAL(found->charged_duration().has_value(), is_over);
        CHECK_EQUAL(found->termination_code().empty(), !is_over);
        CHECK(found->recording_file_id().empty(), callee);
    }
}

TEST("a record that does not exist is told from one that cannot be read")
{
    using namespace std::string_view_literals;
    Sandbox sandbox;
    const itnio::Client client = client_of(config_for(sandbox));
    const itnio::FoundRecord none = client.get_record("2203031113381000002");
    CHECK(!none && none.does_not_exist(), none.error().reason());
    CHECK_EQUAL(none.error().code(), ITNIO_REJECTED);
    CHECK_EQUAL(none.status().value(), -24);
    CHECK(!none.error().reason().empty(), "it says why");
    CHECK((*none).recording_id().empty() && !none->submitted() && !none->call_duration(), "it is empty");
    sandbox.stop();
    CHECK_EQUAL(sandbox.looks(), 1U);

    const itnio::FoundRecord unread = client.get_record("2203031113381000002");
    CHECK(!unread && !unread.does_not_exist() && !unread.status(), unread.error().reason());
    CHECK_EQUAL(unread.error().code(), ITNIO_CONNECT_FAILED);
    const itnio::FoundRecord with_nul = client.get_record("22\0"sv);
    CHECK_EQUAL(with_nul.error().code(), ITNIO_INVALID_ARGUMENT);
    CHECK(begins_with(with_nul.error().reason(), "recording_id: "), with_nul.error().reason());
    const itnio::FoundRecord not_given = client.get_record(nullptr);
    CHECK_EQUAL(not_given.error().code(), ITNIO_INVALID_ARGUMENT);
    CHECK(begins_with(not_given.error().reason(), "recording_id: "), not_given.error().reason());
    CHECK_EQUAL(itnio::Client().get_record("1").error().code(), ITNIO_INVALID_ARGUMENT);
    CHECK_EQUAL(itnio::Client().find_records({}).error().code(), ITNIO_INVALID_ARGUMENT);
}

TEST("records are found over several pages, the newest first, by what is asked for")
{
    constexpr std::size_t calls = 230;
    Sandbox sandbox;
    const itnio::Client client = client_of(config_for(sandbox));
    const auto since = std::chrono::system_clock::now();
    std::set<std::string> placed;
    for (std::size_t call = 0; call < calls; ++call) {
        const std::string callee = std::to_string(86138000000050 + 100 * (call % 115));
        const itnio::Result result = client.send_sip(request_to(callee));
        CHECK(result.accepted(), result.reason());
        placed.insert(result.recording_id());
    }
    itnio::RecordQuery query;
    query.since = since;
    query.max_records = 1000;
    const itnio::FoundRecords all = client.find_records(query);
    CHECK(all.has_value(), all.error().reason());
    CHECK_EQUAL(all.status().value(), 0);
    CHECK_EQUAL(all.size(), calls);
    CHECK(!all.empty() && all.begin() != all.end(), "it is a range");
    std::set<std::string> found;
    auto before = std::chrono::system_clock::time_point::max();
    for (const itnio::Record record : all) {
        found.emplace(record.recording_id());
        CHECK(record.submitted().value() <= before, "the newest is first");
        before = record.submitted().value();
    }
    CHECK(found == placed, "each of them once");
    CHECK_EQUAL(all[0].recording_id(), (*all.begin()).recording_id());
    CHECK(all[calls].recording_id().empty(), "there are no more");
    CHECK(sandbox.looks() >= 3, "a page has 100 records at the most");

    const std::string callee = "86138000000050";
    query.callee = callee;
    const itnio::FoundRecords to_one = client.find_records(query);
    CHECK_EQUAL(to_one.size(), 2U);
    for (const itnio::Record record : to_one)
        CHECK_EQUAL(record.callee(), callee);
    query.callee = nullptr;
    query.max_records = 0;
    CHECK_EQUAL(client.find_records(query).size(), 100U);
    query.phone_name = "phone-8001";
    query.max_records = 7;
    CHECK_EQUAL(client.find_records(query).size(), 7U);
    query.phone_name = "8001";
    const itnio::FoundRecords none = client.find_records(query);
    CHECK(none.has_value() && none.empty() && none.begin() == none.end(), none.error().reason());
    query.phone_name = nullptr;
    query.until = since - 10s;
    query.since = since - 100s;
    CHECK(client.find_records(query).empty(), "before all of them");
    sandbox.stop();
    CHECK_EQUAL(sandbox.requests().size(), calls);
}

TEST("a query for records that cannot be asked for is an error that names the field")
{
    using namespace std::string_view_literals;
    Sandbox sandbox;
    const itnio::Client client = client_of(config_for(sandbox));
    itnio::RecordQuery good;
    good.since = std::chrono::system_clock::now() - 1h;
    const auto is_wrong = [&client](const itnio::RecordQuery &query, const std::string &field) {
        const itnio::FoundRecords found = client.find_records(query);
        CHECK(!found && found.empty(), field);
        CHECK_EQUAL(found.error().code(), ITNIO_INVALID_ARGUMENT);
        CHECK(begins_with(found.error().reason(), field + ": "), found.error().reason());
    };
    const std::pair<const char *, itnio::Text itnio::RecordQuery::*> fields[] = {
        {"callee", &itnio::RecordQuery::callee},
        {"display_num", &itnio::RecordQuery::display_num},
        {"phone_name", &itnio::RecordQuery::phone_name},
        {"phone_group", &itnio::RecordQuery::phone_group}};
    for (const auto &[name, field] : fields) {
        itnio::RecordQuery query = good;
        query.*field = "8613800138\0000"sv;
        is_wrong(query, name);
    }
    is_wrong({}, "since");
    itnio::RecordQuery until_the_epoch = good;
    until_the_epoch.until = std::chrono::system_clock::time_point();
    is_wrong(until_the_epoch, "until");
    itnio::RecordQuery negative = good;
    negative.timeout = -1ms;
    is_wrong(negative, "timeout");
    sandbox.stop();
    CHECK_EQUAL(sandbox.looks(), 0U);
}

TEST("records that were moved are still there, and what they were moved from has none")
{
    Sandbox sandbox;
    const itnio::Client client = client_of(config_for(sandbox));
    const std::string callee = "8613800138000";
    const std::string recording_id = client.send_sip(request_to(callee)).recording_id();
    itnio::RecordQuery query;
    query.since = std::chrono::system_clock::now() - 1h;
    itnio::FoundRecords first = client.find_records(query);
    itnio::FoundRecords second = std::move(first);
    CHECK(!first && first.empty() && !first.status(), first.error().reason());
    CHECK_EQUAL(std::as_const(second)[0].recording_id(), recording_id);
    first = client.find_records(query);
    second = std::move(first);
    CHECK_EQUAL(std::as_const(second)[0].recording_id(), recording_id);
    itnio::FoundRecord one = client.get_record(recording_id);
    const itnio::FoundRecord other = std::move(one);
    CHECK_EQUAL(other->recording_id(), recording_id);
    CHECK(!one, one.error().reason());
}

TEST("a request's own time goes before the client's")
{
    Sandbox sandbox({"--delay-ms", "60000"});
    const itnio::Client client = client_of(config_for(sandbox));
    const std::string callee = "8613800138000";
    itnio::Request request = request_to(callee);
    request.timeout = 500ms;
    const auto began = std::chrono::steady_clock::now();
    expect(client.send_sip(request), itnio::Outcome::unknown, ITNIO_TIMED_OUT);
    CHECK(std::chrono::steady_clock::now() - began < 20s, "not the client's 30 s");
}

TEST("the versions of library and header are the same here")
{
    CHECK_EQUAL(itnio::version(), ITNIO_VERSION);
}

int main(int argc, char **argv)
{
    return check::run(argc, argv);
}
