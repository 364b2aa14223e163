// Writes roff with the macros of man(7).
#include "tools/cli/manual.h"

#include <fmt/format.h>
#include <vector>

#include "runtime/knobs.h"
#include "tools/cli/help.h"
#include "tools/cli/option_table.h"
#include "tools/report/build_info.h"

namespace godwit::tools {
namespace {

// Text of a page: what roff would take for a command or a dash is escaped, an empty line starts a paragraph.
std::string roff(std::string_view text) {
  std::string result;
  bool line_begins = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      result += i + 1 < text.size() && text[i + 1] == '\n' ? "\n.PP\n" : "\n";
      while (i + 1 < text.size() && text[i + 1] == '\n') ++i;
      line_begins = true;
      continue;
    }
    if (line_begins && (c == '.' || c == '\'')) result += "\\&";
    line_begins = false;
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
  }
  return result;
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return result;
}

std::string page_name(std::string_view command) {
  std::string name = fmt::format("godwit-{}", command);
  for (char& c : name) c = c == ' ' ? '-' : c;
  return name;
}

std::string head(const std::string& name, std::string_view sentence) {
  return fmt::format(".TH {} 1 \"\" \"godwit {}\" \"godwit\"\n.SH NAME\n{} \\- {}\n", roff(upper(name)),
                     build_version(), roff(name), roff(sentence));
}

std::string item(const std::string& title, std::string_view text) {
  return fmt::format(".TP\n.B {}\n{}\n", roff(title), roff(text));
}

std::string lines_as_they_are(std::string_view text) { return fmt::format(".nf\n{}\n.fi\n", roff(text)); }

std::string exit_section() {
  std::string text = ".SH EXIT STATUS\n";
  for (const ExitStatus& status : exit_statuses()) text += item(std::to_string(status.code), status.meaning);
  return text;
}

std::string environment_section() {
  std::string text = ".SH ENVIRONMENT\n";
  for (const Knob& knob : knobs())
    text += item(std::string(knob.name), fmt::format("{} Default: {}.", knob.sentence, knob.default_value));
  return text;
}

std::string options_text(const CommandEntry& entry) {
  std::string text, group;
  for (const OptionEntry& option : entry.options) {
    const std::string title = option.argument ? "Arguments" : option.group;
    if (title != group) text += fmt::format(".SH {}\n", roff(upper(title)));
    group = title;
    text += item(option.heading(), option.text);
  }
  return text;
}

ManualPage page_of(const Command& command) {
  const std::string name = page_name(command.name);
  std::string text = head(name, command.sentence);
  text += fmt::format(".SH SYNOPSIS\n.B godwit {}\n{}\n.SH DESCRIPTION\n{}\n", roff(command.name),
                      roff(command.synopsis), roff(command.description));
  text += options_text(describe(command));
  if (!command.commands.empty()) {
    text += ".SH COMMANDS\n";
    for (const Command* each : command.commands) text += item(page_name(each->name) + "(1)", each->sentence);
  }
  text += exit_section();
  text += ".SH EXAMPLES\n" + lines_as_they_are(command.examples);
  text += ".SH SEE ALSO\n.BR godwit (1)\n";
  return {name, std::move(text)};
}

ManualPage program_page(std::span<const Command* const> commands) {
  std::string text = head("godwit", kProgramSentence);
  text += fmt::format(
      ".SH SYNOPSIS\n.B godwit\nCOMMAND [arguments] [options]\n.br\n.B godwit\nCOMMAND {}\n"
      ".SH DESCRIPTION\n{}\n",
      roff("--help"), roff(program_notes()));
  std::string_view group;
  for (const Command* command : commands) {
    if (command->group != group) text += fmt::format(".SH {}\n", roff(upper(command->group)));
    group = command->group;
    text += item(page_name(command->name) + "(1)", command->sentence);
  }
  text += exit_section() + environment_section();
  text += ".SH EXAMPLES\n" + lines_as_they_are(kProgramExample);
  return {"godwit", std::move(text)};
}

void add_pages(std::span<const Command* const> commands, std::vector<ManualPage>& pages) {
  for (const Command* command : commands) {
    pages.push_back(page_of(*command));
    add_pages(command->commands, pages);
  }
}

}  // namespace

std::vector<ManualPage> manual_pages(std::span<const Command* const> commands) {
  std::vector<ManualPage> pages{program_page(commands)};
  add_pages(commands, pages);
  return pages;
}

}  // namespace godwit::tools
