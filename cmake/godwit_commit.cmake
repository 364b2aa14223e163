# Run at every build: writes the source file DST, which tells the commit of SRC, and touches it only when that changes.
execute_process(COMMAND git -C ${SRC} rev-parse --show-toplevel OUTPUT_VARIABLE top RESULT_VARIABLE failed
  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
set(commit "")
# A release without a repository of its own may lie in somebody else's.
if(NOT failed AND top STREQUAL SRC)
  execute_process(COMMAND git -C ${SRC} describe --always --dirty --abbrev=12 --exclude=* OUTPUT_VARIABLE commit
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
string(CONCAT text "#include \"tools/report/build_info.h\"\n\n"
  "std::string_view godwit::tools::build_commit() { return \"${commit}\"; }\n")
file(CONFIGURE OUTPUT ${DST} CONTENT "${text}")
