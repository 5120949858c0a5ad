/* What became of one record handed to a producer of this program: its message opaque is one of these, always. */
#ifndef CHECKOUTCTL_CLIENT_DELIVERY_H
#define CHECKOUTCTL_CLIENT_DELIVERY_H

#include <librdkafka/rdkafka.h>

#include <stdbool.h>

struct ctl_delivery {
	bool done;
	rd_kafka_resp_err_t code;
	int32_t partition;
	int64_t offset;
};

#endif
