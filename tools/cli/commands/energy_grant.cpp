// godwit energy grant: lets a group read the energy counters, by a udev rule that is shown first.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <grp.h>
#include <memory>

#include "runtime/error.h"
#include "runtime/output_file.h"
#include "tools/cli/commands/energy.h"
#include "tools/report/console.h"

namespace godwit::tools {
namespace {

struct Options {
  std::string group;
  std::string rules = "/etc/udev/rules.d/70-godwit-energy.rules";
  bool yes = false;
};

// Group names as useradd(8) allows them: nothing that a rule or a shell could take for more than a name.
bool is_plain_name(const std::string& name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789_-";
  return !name.empty() && name.size() <= 32 && name[0] != '-' &&
         name.find_first_not_of(kLetters) == std::string::npos;
}

std::string rule_for(const std::string& group) {
  return fmt::format(
      "# Written by 'godwit energy grant': members of {0} may read energy counters.\n"
      "SUBSYSTEM==\"powercap\", ACTION==\"add|change\", RUN+=\"/bin/sh -c 'for f in /sys%p/energy_uj; do [ "
      "-e $$f ] && "
      "chgrp {0} $$f && chmod g+r $$f; done; true'\"\n",
      group);
}

int grant(const Options& options) {
  if (!is_plain_name(options.group)) {
    throw Error(fmt::format("--group '{}' is not the name of a group", options.group));
  }
  if (::getgrnam(options.group.c_str()) == nullptr) {
    throw Error(fmt::format("there is no group '{0}' (sudo groupadd {0} makes it)", options.group),
                ErrorKind::missing);
  }
  const std::string rule = rule_for(options.group);
  print(fmt::format("{}:\n{}", options.rules, rule));
  if (!options.yes) {
    print(
        "\nNothing is written yet. Counters can leak secrets to whoever reads them; --yes writes the "
        "rule.\n");
    return kDone;
  }
  OutputFile file(options.rules);
  file.write(rule);
  file.commit();
  print(fmt::format(
      "\nwritten. Now:  sudo udevadm control --reload && sudo udevadm trigger -s powercap -c change\n"
      "and for each user:  sudo usermod -aG {} USER   (and a new login)\n",
      options.group));
  return kDone;
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("--group", options->group, "The group that may read.")->type_name("NAME")->required();
  app.add_option("--rules", options->rules, "Where the rule is written.")
      ->type_name("FILE")
      ->default_str(options->rules);
  app.add_flag("--yes", options->yes, "Write the rule; without it the rule is only shown.");
  return [options] { return grant(*options); };
}

}  // namespace

const Command energy_grant_command = {
    "energy grant",
    "Measure",
    "let a group read the energy counters (a udev rule)",
    "--group NAME [options]",
    "Since Linux 5.10 only root reads the energy counters of powercap, for they can leak what other programs "
    "compute "
    "(CVE-2020-8694). This shows a udev rule that lets the members of a group read them, and writes it with "
    "--yes. It "
    "changes no right of anything else, and deleting the file takes it back.",
    "sudo godwit energy grant --group energy --yes",
    prepare,
};

}  // namespace godwit::tools
