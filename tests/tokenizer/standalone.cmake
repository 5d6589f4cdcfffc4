# The tokenizer from the outside: builds it alone, installs it, builds and runs the example against that.
#   cmake -D SOURCE=<repository> -D WORK=<folder> -P standalone.cmake
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "failed: ${ARGV}\n${out}")
  endif()
endfunction()

set(folder ${SOURCE}/frontend/tokenizer)
run(${CMAKE_COMMAND} -G Ninja -S ${folder} -B ${WORK}/library -D CMAKE_BUILD_TYPE=Debug
    -D CMAKE_INSTALL_PREFIX=${WORK}/installed)
run(${CMAKE_COMMAND} --build ${WORK}/library)
run(${CMAKE_COMMAND} --install ${WORK}/library)
run(${CMAKE_COMMAND} -G Ninja -S ${folder}/example -B ${WORK}/example -D CMAKE_BUILD_TYPE=Debug
    -D CMAKE_PREFIX_PATH=${WORK}/installed)
run(${CMAKE_COMMAND} --build ${WORK}/example)

execute_process(COMMAND ${WORK}/example/example RESULT_VARIABLE status OUTPUT_VARIABLE shown)
file(READ ${SOURCE}/frontend/tokenizer/example/expected.txt expected)
if(NOT status EQUAL 0 OR NOT shown STREQUAL expected)
  message(FATAL_ERROR "the example ended with ${status} and showed:\n${shown}")
endif()
