# The tokenizer from the outside: builds it alone, installs it, builds and runs the example against that.
#   cmake -D SOURCE=<repository> -D WORK=<folder> -P standalone.cmake
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "failed: ${ARGV}\n${out}")
  endif()
endfunction()

# What is built, not how fast or how well it can be debugged, is asked here: no build type, no optimisation.
set(folder ${SOURCE}/frontend/tokenizer)
set(quick -G Ninja -D CMAKE_BUILD_TYPE=None -D CMAKE_CXX_FLAGS=-O0)
run(${CMAKE_COMMAND} ${quick} -S ${folder} -B ${WORK}/library -D CMAKE_INSTALL_PREFIX=${WORK}/installed)
run(${CMAKE_COMMAND} --build ${WORK}/library)
run(${CMAKE_COMMAND} --install ${WORK}/library)
run(${CMAKE_COMMAND} ${quick} -S ${folder}/example -B ${WORK}/example -D CMAKE_PREFIX_PATH=${WORK}/installed)
run(${CMAKE_COMMAND} --build ${WORK}/example)

execute_process(COMMAND ${WORK}/example/example RESULT_VARIABLE status OUTPUT_VARIABLE shown)
file(READ ${SOURCE}/frontend/tokenizer/example/expected.txt expected)
if(NOT status EQUAL 0 OR NOT shown STREQUAL expected)
  message(FATAL_ERROR "the example ended with ${status} and showed:\n${shown}")
endif()
