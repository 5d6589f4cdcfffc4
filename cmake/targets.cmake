# Two functions every folder uses, so that warnings, include paths and test discovery are said once.

function(gptc_options target)
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                                           -Wsign-conversion -Wnon-virtual-dtor -Woverloaded-virtual
                                           -Wno-missing-field-initializers)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 reports a false overlap for `"literal" + std::string` (its bug 105651).
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  target_compile_options(${target} PUBLIC -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
  if(GPTC_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(GPTC_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=${GPTC_SANITIZE} -fno-omit-frame-pointer
                                            -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${GPTC_SANITIZE})
  endif()
endfunction()

# gptc_library(name SOURCES files... LINK targets...)
function(gptc_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  gptc_options(${name})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
endfunction()

# gptc_test(name SOURCES files... LINK targets...): one GoogleTest program, every case a ctest.
function(gptc_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  gptc_options(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE GPTC_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 300)
endfunction()
