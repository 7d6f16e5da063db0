// A sandbox gateway of the test's own, and its diary.
#ifndef SANDBOX_HPP
#define SANDBOX_HPP

#include <algorithm>
#include <csignal>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "check.hpp"
#include "process.hpp"

/// A call that the gateway was asked for.
struct Request {
    std::string callee;
    std::string recording_id; ///< Empty: the call was not accepted.
    std::string line;         ///< All that the diary says.
};

class Sandbox {
public:
    /// `options` as for the gateway itself.
    explicit Sandbox(std::vector<std::string> options = {}) : options_(std::move(options)) { start(); }

    /// What a program needs to talk to it, past any proxy.
    std::map<std::string, std::string> environment() const
    {
        return {{"ITNIO_API_KEY", "bDqJFiq9"}, {"ITNIO_API_SECRET", "7bz1lzh9"},
                {"ITNIO_BASE_URL", base_url_}, {"ITNIO_CA_FILE", ca_file_},
                {"NO_PROXY", "127.0.0.1"},     {"no_proxy", "127.0.0.1"}};
    }

    const std::string &base_url() const { return base_url_; }
    const std::string &ca_file() const { return ca_file_; }

    /// Ends it; its diary is then complete.
    void stop()
    {
        if (!gateway_)
            return;
        gateway_->signal(SIGTERM);
        const Ended ended = gateway_->wait();
        CHECK(ended.status == 0, ended.err);
        diary_ += ended.out;
        gateway_.reset();
    }

    /// Starts it again, where it was before, with a diary that goes on.
    void restart()
    {
        stop();
        start();
    }

    /// Every call that was asked for so far, in the order of their ends.
    std::vector<Request> requests() const
    {
        std::vector<Request> requests;
        for (const Request &request : diary()) {
            if (!is_look(request))
                requests.push_back(request);
        }
        return requests;
    }

    /// How often the records were looked at so far.
    std::size_t looks() const
    {
        const std::vector<Request> all = diary();
        return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), is_look));
    }

private:
    static bool is_look(const Request &request) { return request.callee.rfind("recordSip", 0) == 0; }

    std::vector<Request> diary() const
    {
        std::vector<Request> requests;
        for (const std::string &line : lines_of(diary_ + (gateway_ ? gateway_->out() : ""))) {
            if (line == "ready" || line.rfind("base_url=", 0) == 0 || line.rfind("ca_file=", 0) == 0)
                continue;
            // 2026-01-01T00:00:00Z 8613800138000 status 0, recording ID 2601010000001000001
            // 2026-01-01T00:00:00Z 8613800138091 no answer, ..., record 2601010000001000002
            // 2026-01-01T00:00:00Z recordSipQuery status 0, page 1 of 1, 1 of 1 records
            constexpr std::size_t callee = sizeof "2026-01-01T00:00:00Z " - 1;
            CHECK(line.substr(callee - 2, 2) == "Z ", line);
            std::string recording_id;
            for (const std::string sign : {"recording ID ", ", record "}) {
                const std::size_t id = line.find(sign);
                if (id != std::string::npos)
                    recording_id = line.substr(id + sign.size(), 19);
            }
            requests.push_back({line.substr(callee, line.find(' ', callee) - callee), recording_id, line});
        }
        return requests;
    }

    void start()
    {
        std::vector<std::string> command = {beside("gateway"), "--port", port_};
        command.insert(command.end(), options_.begin(), options_.end());
        const bool plain = std::count(options_.begin(), options_.end(), "--plain") > 0;
        if (!plain)
            command.insert(command.end(), {"--ca-file", directory_ / "ca.pem"});
        gateway_.emplace(command);
        CHECK(eventually([this] { return gateway_->out().find("\nready\n") != std::string::npos; }),
              gateway_->err());
        for (const std::string &line : lines_of(gateway_->out())) {
            if (line.rfind("base_url=", 0) == 0)
                base_url_ = line.substr(9);
        }
        // The gateway removes its own file when it ends, and the client still has to find one. With --plain
        // it is not read.
        if (!plain)
            write_file(ca_file_, read_file(directory_ / "ca.pem"));
        const std::size_t colon = base_url_.rfind(':') + 1;
        port_ = base_url_.substr(colon, base_url_.find('/', colon) - colon);
    }

    Directory directory_;
    const std::vector<std::string> options_;
    std::string port_ = "0";
    std::string base_url_;
    const std::string ca_file_ = directory_ / "trusted.pem";
    std::string diary_;
    std::optional<Process> gateway_;
};

#endif
