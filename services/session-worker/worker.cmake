# co_lane: the loop and its recovery behind the ports. co_adapters: Kafka, Redis, HTTP, clock. session-worker: the
# composition.
add_library(co_lane STATIC
  app/desk.c app/round.c app/deadlines.c app/shard.c app/shard_take.c app/shard_position.c app/lane.c app/lane_round.c app/wake.c app/recovery.c)
target_include_directories(co_lane PUBLIC ${CMAKE_CURRENT_LIST_DIR} ${CMAKE_CURRENT_LIST_DIR}/app)
target_link_libraries(co_lane PUBLIC co_app)

add_library(co_adapters STATIC
  adapters/kafka_client.c adapters/kafka_inbox.c adapters/kafka_namesake.c adapters/kafka_outbox.c adapters/kafka_lookups.c adapters/kafka_refusals.c adapters/kafka_ticker.c adapters/kafka_answers.c adapters/kafka_replay.c adapters/kafka_record.c adapters/kafka_stats.c
  adapters/redis_link.c adapters/redis_scripts.c adapters/redis_store.c adapters/redis_words.c adapters/system_clock.c adapters/http_admin.c adapters/service_notify.c)
target_include_directories(co_adapters PUBLIC ${CMAKE_CURRENT_LIST_DIR} ${CMAKE_CURRENT_LIST_DIR}/adapters)
target_link_libraries(co_adapters
  PUBLIC co_app PkgConfig::RDKAFKA PkgConfig::HIREDIS
  PRIVATE PkgConfig::MICROHTTPD PkgConfig::JANSSON Threads::Threads)

add_executable(session-worker main.c lanes.c health.c page.c describe.c
  describe_tables.c describe_errors.c describe_story.c)
target_compile_definitions(session-worker PRIVATE CO_VERSION="${PROJECT_VERSION}")
target_link_libraries(session-worker PRIVATE co_lane co_adapters co_registry co_topics Threads::Threads)
