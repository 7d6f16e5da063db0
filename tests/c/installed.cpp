// One call through itnio.hpp. tests/install.rs builds it with nothing but pkg-config.
#include <itnio.hpp>

#include <cstdlib>
#include <iostream>

int main(int argc, char **argv)
{
    if (argc != 4)
        return 64;
    itnio::Config config;
    config.api_key = std::getenv("ITNIO_API_KEY");
    config.api_secret = std::getenv("ITNIO_API_SECRET");
    config.base_url = std::getenv("ITNIO_BASE_URL");
    config.ca_file = std::getenv("ITNIO_CA_FILE");
    auto client = itnio::Client::create(config);
    if (!client) {
        std::cerr << client.error().reason() << '\n';
        return 2;
    }
    itnio::Request request;
    request.callee = argv[1];
    request.account = argv[2];
    request.app_id = argv[3];
    const itnio::Result result = client->send_sip(request);
    if (result.outcome() != itnio::Outcome::accepted) {
        std::cerr << result.reason() << '\n';
        return 1;
    }
    std::cout << "status=0\nrecording_id=" << result.recording_id() << '\n';
}
