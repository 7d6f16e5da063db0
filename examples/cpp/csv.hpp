// CSV as RFC 4180 has it, and as spreadsheets write it: quoted fields, line breaks in them, CRLF, a byte
// order mark.
#ifndef DIALER_CSV_HPP
#define DIALER_CSV_HPP

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace csv {

/// What is wrong with a file, and in which line.
struct Error : std::runtime_error {
    Error(std::size_t line_number, const std::string &what)
        : std::runtime_error("line " + std::to_string(line_number) + ": " + what), line(line_number)
    {
    }
    std::size_t line;
};

struct Record {
    std::size_t line = 0; ///< Where it begins; the first is 1.
    std::vector<std::string> fields;
};

/// Takes a text apart, record by record.
class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text)
    {
        constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
        if (rest_.substr(0, byte_order_mark.size()) == byte_order_mark)
            rest_.remove_prefix(byte_order_mark.size());
    }

    /// The next record, or none at the end. Empty lines are skipped. Throws Error.
    std::optional<Record> next()
    {
        while (skip_line_break()) {
        }
        if (rest_.empty())
            return std::nullopt;
        Record record;
        record.line = line_;
        do
            record.fields.push_back(field());
        while (skip(","));
        if (!skip_line_break() && !rest_.empty())
            throw Error(line_, "there is text between a closing quote and the next comma");
        return record;
    }

private:
    std::string field() { return skip("\"") ? quoted() : unquoted(); }

    std::string quoted()
    {
        const std::size_t begin = line_;
        std::string field;
        for (;;) {
            const std::size_t quote = rest_.find('"');
            if (quote == std::string_view::npos)
                throw Error(begin, "a quote is opened here and never closed");
            for (const char c : rest_.substr(0, quote))
                line_ += c == '\n';
            field += rest_.substr(0, quote);
            rest_.remove_prefix(quote + 1);
            if (!skip("\""))
                return field;
            field += '"';
        }
    }

    std::string unquoted()
    {
        std::size_t end = rest_.find_first_of(",\n");
        if (end == std::string_view::npos)
            end = rest_.size();
        std::string_view field = rest_.substr(0, end);
        const bool at_line_break = end < rest_.size() && rest_[end] == '\n';
        if (at_line_break && !field.empty() && field.back() == '\r')
            field.remove_suffix(1);
        if (field.find('"') != std::string_view::npos)
            throw Error(line_, "there is a quote inside a field that does not begin with one");
        rest_.remove_prefix(field.size());
        return std::string(field);
    }

    bool skip(std::string_view text)
    {
        if (rest_.substr(0, text.size()) != text)
            return false;
        rest_.remove_prefix(text.size());
        return true;
    }

    bool skip_line_break()
    {
        if (!skip("\n") && !skip("\r\n"))
            return false;
        ++line_;
        return true;
    }

    std::string_view rest_;
    std::size_t line_ = 1;
};

/// A field as it stands in a file: on one line, and quoted where it has to be.
inline std::string field(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c == '"')
            out += '"';
        out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    return text.find_first_of(",\"") == std::string_view::npos ? out : '"' + out + '"';
}

} // namespace csv

#endif
