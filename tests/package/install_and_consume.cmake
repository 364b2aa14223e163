# Run by ctest: install, look at what is there, then configure, build and run the consumer against it.
cmake_minimum_required(VERSION 3.25)
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)

# The public headers and godwit.h, and nothing else.
separate_arguments(expected UNIX_COMMAND "${HEADERS}")
list(TRANSFORM expected REPLACE "^tools/" "")
list(TRANSFORM expected PREPEND godwit/)
list(APPEND expected godwit/godwit.h)
list(SORT expected)
file(GLOB_RECURSE installed RELATIVE ${WORK}/prefix/include ${WORK}/prefix/include/*)
list(SORT installed)
if(NOT installed STREQUAL expected)
  message(FATAL_ERROR "installed headers are ${installed}, expected ${expected}")
endif()
list(FILTER installed INCLUDE REGEX "\\.h$")

# Warnings in installed headers would be the users' nuisance. A sanitized library needs a sanitized program.
set(flags "-Wall -Wextra -Werror")
if(SANITIZE)
  string(APPEND flags " -fsanitize=${SANITIZE}")
endif()
run(${CMAKE_COMMAND} -S ${CONSUMER} -B ${WORK}/build -G Ninja -DCMAKE_PREFIX_PATH=${WORK}/prefix
  -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_FLAGS=${flags} "-DHEADERS=${installed}")
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/graph ${WORK}/colours.onnx)
execute_process(COMMAND ${WORK}/build/consumer ${WORK}/colours.onnx ${CONSUMER}/red.jpg
  OUTPUT_VARIABLE labels COMMAND_ERROR_IS_FATAL ANY)
if(NOT labels MATCHES "^0\\.[0-9]+  red\n")
  message(FATAL_ERROR "the likeliest label of a red image is not red:\n${labels}")
endif()
run(${WORK}/prefix/bin/godwit --version)
foreach(document man/man1/godwit.1 man/man1/godwit-classify.1 bash-completion/completions/godwit zsh/site-functions/_godwit)
  if(NOT EXISTS ${WORK}/prefix/share/${document})
    message(FATAL_ERROR "the install lacks share/${document}")
  endif()
endforeach()
