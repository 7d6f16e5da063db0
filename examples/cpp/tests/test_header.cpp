// What the header promises to the compiler. This is compiled with every compiler and standard, and with
// -DMISUSE=1, 2, ... it has to be refused.
#include <itnio.hpp>
#include <itnio.hpp> // twice is as good as once

#include <type_traits>
#include <utility>

static_assert(!std::is_copy_constructible_v<itnio::Client> && !std::is_copy_assignable_v<itnio::Client>);
static_assert(std::is_nothrow_move_constructible_v<itnio::Client>
              && std::is_nothrow_move_assignable_v<itnio::Client>);
static_assert(!std::is_copy_constructible_v<itnio::Result> && !std::is_copy_assignable_v<itnio::Result>);
static_assert(std::is_nothrow_move_constructible_v<itnio::Result>
              && std::is_nothrow_move_assignable_v<itnio::Result>);
static_assert(std::is_nothrow_move_constructible_v<itnio::NewClient>);
static_assert(!std::is_default_constructible_v<itnio::Result>, "a result is that of a call");
static_assert(!std::is_copy_constructible_v<itnio::FoundRecords> && !std::is_copy_assignable_v<itnio::FoundRecords>);
static_assert(std::is_nothrow_move_constructible_v<itnio::FoundRecords>
              && std::is_nothrow_move_assignable_v<itnio::FoundRecords>);
static_assert(!std::is_copy_constructible_v<itnio::FoundRecord> && !std::is_copy_assignable_v<itnio::FoundRecord>);
static_assert(std::is_nothrow_move_constructible_v<itnio::FoundRecord>
              && std::is_nothrow_move_assignable_v<itnio::FoundRecord>);
static_assert(std::is_nothrow_copy_constructible_v<itnio::Record> && std::is_nothrow_copy_assignable_v<itnio::Record>);

// A result is no bool and no number, not even on request: `if (result)` would not say what it asks.
static_assert(!std::is_constructible_v<bool, itnio::Result>);
static_assert(!std::is_constructible_v<int, itnio::Result>);
static_assert(!std::is_convertible_v<itnio::Outcome, bool> && !std::is_convertible_v<itnio::Outcome, int>);
static_assert(!std::is_convertible_v<itnio::NewClient, bool>, "on request only");
static_assert(!std::is_convertible_v<itnio::FoundRecords, bool>, "on request only");
static_assert(!std::is_convertible_v<itnio::FoundRecord, bool>, "on request only");

// What may be given for a string, and the two that would be read after their end.
static_assert(std::is_convertible_v<std::string_view, itnio::Text>);
static_assert(std::is_convertible_v<std::string &, itnio::Text>);
static_assert(std::is_convertible_v<const std::string &, itnio::Text>);
static_assert(std::is_convertible_v<const char *, itnio::Text>);
static_assert(std::is_convertible_v<char *, itnio::Text>);
static_assert(std::is_convertible_v<const char (&)[8], itnio::Text>);
static_assert(std::is_convertible_v<std::nullptr_t, itnio::Text>);
static_assert(!std::is_convertible_v<std::string, itnio::Text>);
static_assert(!std::is_convertible_v<const std::string, itnio::Text>);

static_assert(noexcept(itnio::Client::create(std::declval<const itnio::Config &>())));
static_assert(noexcept(itnio::Client().send_sip(std::declval<const itnio::Request &>())));
static_assert(noexcept(itnio::Client().find_call(std::declval<const itnio::Request &>(),
                                                 std::declval<std::chrono::system_clock::time_point>(),
                                                 std::declval<std::chrono::milliseconds>())));
static_assert(noexcept(itnio::Client().get_record(nullptr)));
static_assert(noexcept(itnio::Client().find_records(std::declval<const itnio::RecordQuery &>())));
static_assert(noexcept(itnio::Client().shutdown()));

static_assert(!itnio::Text().given() && !itnio::Text(nullptr).given());
static_assert(itnio::Text("").given() && itnio::Text(std::string_view()).given());

int outcome_number(const itnio::Result &result);

int outcome_number(const itnio::Result &result)
{
    switch (result.outcome()) {
    case itnio::Outcome::accepted: return 1;
    case itnio::Outcome::refused: return 2;
    case itnio::Outcome::not_sent: return 3;
#if MISUSE != 1 // the one that matters is forgotten
    case itnio::Outcome::unknown: return 4;
#endif
    }
    return 0;
}

/// Goes through records as through any range.
std::size_t length_of(const itnio::FoundRecords &records);

std::size_t length_of(const itnio::FoundRecords &records)
{
    std::size_t length = 0;
    for (const itnio::Record record : records)
        length += record.recording_id().size();
    return length;
}

int main()
{
    itnio::NewClient client = itnio::Client::create({});
    itnio::Request request;
    request.callee = "4915112345678";
    int status = outcome_number(client->send_sip(request));
    const std::chrono::system_clock::time_point since;
    const itnio::FoundRecords records = client->find_records({});
    status += length_of(records) > 0 ? 1 : 0;
    const itnio::FoundRecord found = client->get_record("1");
    status += found->recording_id().empty() || (*found).cost().empty() ? 0 : 1;
#if MISUSE == 2 // the result of the call is not used
    client->send_sip(request);
#elif MISUSE == 3 // "if it worked"
    if (client->send_sip(request))
        ++status;
#elif MISUSE == 4 // a view of a string that ends with this line
    request.callee = std::string("49") + "15112345678";
#elif MISUSE == 5 // two owners of one client
    const itnio::Client copy = *client;
#elif MISUSE == 6 // not checked whether there is a client
    itnio::Client::create({});
#elif MISUSE == 7 // a number where there is an outcome
    status += client->send_sip(request).outcome();
#elif MISUSE == 8 // the outcome is not used
    client->send_sip(request).outcome();
#elif MISUSE == 9 // what the records say of the call is not used
    client->find_call(request, since, std::chrono::seconds(1));
#elif MISUSE == 10 // a view of a record that ends with this line
    const itnio::Record record = *client->get_record("1");
    status += record.callee().empty() ? 0 : 1;
#elif MISUSE == 11 // the same, of many
    const itnio::Record record = client->find_records({})[0];
    status += record.callee().empty() ? 0 : 1;
#else
    status += client->find_call(request, since, std::chrono::seconds(1)).accepted() ? 1 : 0;
#endif
    return status;
}
