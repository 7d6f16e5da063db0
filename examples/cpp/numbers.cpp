#include "numbers.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "csv.hpp"

namespace {

/// As many as fit on a screen; the rest is counted.
constexpr std::size_t most_problems = 20;

std::string at(std::size_t line, const std::string &text)
{
    return "line " + std::to_string(line) + ": " + text;
}

std::string_view trimmed(std::string_view text)
{
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

/// The digits of a number. One spelling for each: +49... and 49... are the same phone.
std::string digits(std::string_view text)
{
    text = trimmed(text);
    return std::string(text.substr(text.substr(0, 1) == "+" ? 1 : 0));
}

/// Which member a column goes to.
using Column = std::string Number::*;

std::vector<Column> read_header(const csv::Record &header)
{
    const std::unordered_map<std::string_view, Column> known = {
        {"callee", &Number::callee},
        {"display_num", &Number::display_num},
        {"called_info", &Number::called_info},
    };
    std::vector<Column> columns;
    for (const std::string &field : header.fields) {
        const std::string_view name = trimmed(field);
        const auto column = known.find(name);
        if (column == known.end())
            throw csv::Error(header.line, "there is no column \"" + std::string(name)
                                              + "\"; they are callee, display_num and called_info, "
                                                "with commas between them");
        if (std::count(columns.begin(), columns.end(), column->second) > 0)
            throw csv::Error(header.line, "the column " + std::string(name) + " is there twice");
        columns.push_back(column->second);
    }
    if (std::count(columns.begin(), columns.end(), &Number::callee) == 0)
        throw csv::Error(header.line, "the column callee is missing");
    return columns;
}

Number read_number(const csv::Record &record, const std::vector<Column> &columns)
{
    if (record.fields.size() != columns.size())
        throw csv::Error(record.line, "has " + std::to_string(record.fields.size())
                                          + " fields where the header has "
                                          + std::to_string(columns.size()));
    Number number;
    number.line = record.line;
    for (std::size_t i = 0; i < columns.size(); ++i)
        number.*columns[i] = record.fields[i];
    number.callee = digits(number.callee);
    number.display_num = digits(number.display_num);
    if (!is_number(number.callee))
        throw csv::Error(record.line, "callee: \"" + number.callee
                                          + "\" is not 7 to 15 digits (country code and number)");
    if (!number.display_num.empty() && !is_number(number.display_num))
        throw csv::Error(record.line, "display_num: \"" + number.display_num
                                          + "\" is not 7 to 15 digits");
    return number;
}

/// All that is wrong with a list.
class Problems {
public:
    void add(const std::string &problem)
    {
        if (++count_ <= most_problems)
            text_ += (text_.empty() ? "" : "\n") + problem;
    }

    void check() const
    {
        if (count_ > most_problems)
            throw BadList(text_ + "\nand " + std::to_string(count_ - most_problems) + " more");
        if (count_ > 0)
            throw BadList(text_);
    }

private:
    std::size_t count_ = 0;
    std::string text_;
};

} // namespace

bool is_number(std::string_view text)
{
    return text.size() >= 7 && text.size() <= 15
           && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Numbers read_numbers(std::string_view text)
{
    Numbers list;
    Problems problems;
    std::unordered_map<std::string, std::size_t> seen;
    csv::Reader reader(text);
    try {
        const auto header = reader.next();
        if (!header)
            throw BadList("it is empty: the first line has the names of the columns, such as callee");
        const std::vector<Column> columns = read_header(*header);
        while (const auto record = reader.next()) {
            try {
                Number number = read_number(*record, columns);
                const auto [first, is_new] = seen.emplace(number.callee, list.numbers.size());
                if (is_new) {
                    list.numbers.push_back(std::move(number));
                    continue;
                }
                const Number &before = list.numbers[first->second];
                const bool same = before.display_num == number.display_num
                                  && before.called_info == number.called_info;
                list.warnings.push_back(at(number.line, number.callee + " stands in line "
                                                            + std::to_string(before.line)
                                                            + (same ? " already" : " already, and differs")
                                                            + "; it is dialed once, as there"));
            } catch (const csv::Error &error) {
                problems.add(error.what());
            }
        }
    } catch (const csv::Error &error) {
        // Of the structure: what follows could be anything.
        problems.add(error.what());
    }
    problems.check();
    return list;
}
