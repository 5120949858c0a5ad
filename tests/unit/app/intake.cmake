set(INTAKE_RECORD ${CMAKE_SOURCE_DIR}/tests/fuzz/record_lines.c)
co_add_test(unit intake_test SOURCES ${CMAKE_CURRENT_LIST_DIR}/intake_test.c ${INTAKE_RECORD} LIBS co_app)
co_add_test(unit intake_refused_test SOURCES ${CMAKE_CURRENT_LIST_DIR}/intake_refused_test.c ${INTAKE_RECORD} LIBS co_app)
co_add_test(unit intake_reply_test SOURCES ${CMAKE_CURRENT_LIST_DIR}/intake_reply_test.c ${INTAKE_RECORD} LIBS co_app)
co_add_test(unit intake_vectors_test SOURCES ${CMAKE_CURRENT_LIST_DIR}/intake_vectors_test.c
  LIBS co_app PkgConfig::JANSSON)
