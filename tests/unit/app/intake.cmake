add_library(intake_support STATIC
  ${CMAKE_CURRENT_LIST_DIR}/intake_support.c ${CMAKE_SOURCE_DIR}/tests/fuzz/record_lines.c)
target_include_directories(intake_support PUBLIC ${CMAKE_SOURCE_DIR})
target_link_libraries(intake_support PUBLIC co_app co_arena_case)
co_add_test(unit intake_test SOURCES ${CMAKE_CURRENT_LIST_DIR}/intake_test.c LIBS intake_support)
co_add_test(unit intake_refused_test SOURCES ${CMAKE_CURRENT_LIST_DIR}/intake_refused_test.c LIBS intake_support)
co_add_test(unit intake_reply_test SOURCES ${CMAKE_CURRENT_LIST_DIR}/intake_reply_test.c LIBS intake_support)
co_add_test(unit intake_vectors_test SOURCES ${CMAKE_CURRENT_LIST_DIR}/intake_vectors_test.c
  LIBS co_app PkgConfig::JANSSON)
