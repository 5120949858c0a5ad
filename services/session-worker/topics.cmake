# co_topics: makes or checks the service's topics. Its own library, since session-worker and checkoutctl need the same.
add_library(co_topics STATIC ${CMAKE_CURRENT_LIST_DIR}/adapters/kafka_topics.c
  ${CMAKE_CURRENT_LIST_DIR}/adapters/kafka_topics_admin.c ${CMAKE_CURRENT_LIST_DIR}/adapters/kafka_topics_risks.c)
target_include_directories(co_topics PUBLIC ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries(co_topics PUBLIC co_common PkgConfig::RDKAFKA)
