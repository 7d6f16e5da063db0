// dialer: calls the numbers of a list, several at a time, and never one twice.
//
//     dialer [OPTIONS] --account ACCOUNT --app-id ID NUMBERS.csv RESULTS.csv
//
// A phone call cannot be taken back. libitnio never sends a request twice that may have reached the
// API; this program keeps to that across its own end, be it by Ctrl-C, kill -9 or power failure: each call
// is on the disk before it is placed, and a number that may have been dialed is never dialed again. The
// next run looks it up in the API's records.
//
//     options.*    the command line, and the manual (dialer --help)
//     numbers.*    the list of numbers; csv.hpp takes it apart
//     journal.*    the results file: a write-ahead log in CSV, one fdatasync for all who wait
//     campaign.*   the threads that place the calls and look them up; signals, progress
//     console.*    what is said on the terminal
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <itnio.hpp>

#include "campaign.hpp"
#include "console.hpp"
#include "journal.hpp"
#include "numbers.hpp"
#include "options.hpp"

namespace {

enum Exit {
    all_accepted = 0,
    some_refused = 1,
    some_left = 2,
    some_unknown = 3,
    usage = 64,
    bad_data = 65,
    no_list = 66,
    no_results = 73,
    write_failed = 74,
    in_use = 75,
    account_refused = 77,
    signalled = 128,
};

/// Ends the program before it has dialed.
struct Refusal {
    Exit status;
    std::string why;
};

std::string read_file(const std::string &path)
{
    try {
        std::ifstream file(path, std::ios::binary);
        if (file.is_open())
            return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    } catch (const std::ios_base::failure &) {
        // Of the iterator's, where it is a directory or the disk fails.
    }
    throw Refusal{no_list, path + " cannot be read"};
}

std::vector<Number> read_list(const std::string &path, Console &console)
{
    try {
        Numbers list = read_numbers(read_file(path));
        for (const std::string &warning : list.warnings)
            console.say(path + ": " + warning);
        return std::move(list.numbers);
    } catch (const BadList &bad) {
        throw Refusal{bad_data, path + ", where something is wrong:\n" + bad.what() + "\nnothing was dialed"};
    }
}

itnio::Client make_client(const Options &options)
{
    itnio::Config config;
    config.api_key = std::getenv("ITNIO_API_KEY");
    config.api_secret = std::getenv("ITNIO_API_SECRET");
    config.base_url = std::getenv("ITNIO_BASE_URL");
    config.ca_file = std::getenv("ITNIO_CA_FILE");
    config.timeout = options.timeout;
    if (!config.api_key.given() || !config.api_secret.given())
        throw Refusal{usage, "set ITNIO_API_KEY and ITNIO_API_SECRET in the environment"};
    itnio::NewClient client = itnio::Client::create(config);
    if (!client)
        throw Refusal{usage, client.error().reason()};
    return *std::move(client);
}

/// What is to be done, and where all of the list stands.
struct Work {
    std::vector<Number> numbers; ///< To call.
    std::vector<Doubt> doubts;   ///< To look up.
    Tally tally;
};

Work work_left(std::vector<Number> list, const Journal &journal)
{
    Work work;
    for (Number &number : list) {
        const auto past = journal.past().find(number.callee);
        if (past == journal.past().end() || !past->second.closed()) {
            ++work.tally.left;
            work.numbers.push_back(std::move(number));
            continue;
        }
        work.tally.settle(past->second.state);
        if (past->second.state == State::unknown && past->second.began)
            work.doubts.push_back({std::move(number), *past->second.began});
    }
    return work;
}

void summarise(const Tally &tally, const std::string &results)
{
    std::cout << tally.total() << " numbers: " << tally.accepted << " accepted, " << tally.refused
              << " refused, " << tally.unknown << " unknown, " << tally.left << " still to call\n";
    if (tally.unknown > 0)
        std::cout << "unknown: look before you redial (those whose last row in " << results
                  << " says so; --resolve looks them up)\n";
    std::cout.flush();
}

Exit exit_status(const Tally &tally)
{
    if (tally.left > 0)
        return some_left;
    if (tally.unknown > 0)
        return some_unknown;
    return tally.refused > 0 ? some_refused : all_accepted;
}

int run(const Options &options, Console &console)
{
    std::vector<Number> list = read_list(options.numbers, console);
    std::optional<itnio::Client> client;
    if (!options.dry_run)
        client = make_client(options);
    Journal journal(options.results);
    for (const std::string &repair : journal.repairs())
        console.say(options.results + ": " + repair);
    Work work = work_left(std::move(list), journal);
    if (!client) {
        summarise(work.tally, options.results);
        return all_accepted;
    }

    Campaign campaign(options, *client, journal, console, std::move(work.numbers), std::move(work.doubts),
                      work.tally);
    campaign.run();
    summarise(campaign.tally(), options.results);
    if (!journal.error().empty()) {
        console.say(options.results + " " + journal.error()
                    + ". Repair it before you start again: what is not in it is dialed again");
        return write_failed;
    }
    if (campaign.tally().left > 0 && campaign.account_refused())
        return account_refused;
    if (campaign.tally().left > 0 && campaign.signal() != 0)
        return signalled + campaign.signal();
    return exit_status(campaign.tally());
}

} // namespace

int main(int argc, char **argv)
{
    // The dialer goes on if nobody reads its output.
    std::signal(SIGPIPE, SIG_IGN);
    Console console("dialer");
    std::string results;
    try {
        const Options options = parse_options(argc, argv);
        if (options.help) {
            std::cout << manual;
            return 0;
        }
        results = options.results;
        return run(options, console);
    } catch (const Misuse &misuse) {
        if (*misuse.what() != '\0')
            console.say(misuse.what());
        console.say("see dialer --help");
        return usage;
    } catch (const Refusal &refusal) {
        console.say(refusal.why);
        return refusal.status;
    } catch (const Journal::Unusable &unusable) {
        console.say(results + " " + unusable.what());
        return unusable.in_use ? in_use : no_results;
    }
}
