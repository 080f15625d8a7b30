"""[pure] The Arrow schemas of `log/` and `messages/`. Columns are only ever added.

`log/`: each row of Plivo's message log as pulled, its fields typed. A value that cannot be typed
is null in its column and stays in `record`, the row's JSON exactly as received. Every field but
the key may be missing: old rows have twelve. `messages/`: one row per message, reconciled.

Times timestamp[us, UTC]; money decimal(18,5) in the account's currency; counts int32.
"""

import pyarrow as pa

UTC_TIME = pa.timestamp("us", tz="UTC")
MONEY = pa.decimal128(18, 5)

LOG = pa.schema(
    [
        pa.field("message_uuid", pa.string(), nullable=False),
        ("pulled_at", UTC_TIME),
        ("record", pa.string()),
        ("account", pa.string()),
        ("parent_message_uuid", pa.string()),
        ("message_time", UTC_TIME),
        ("message_sent_time", UTC_TIME),
        ("message_updated_time", UTC_TIME),
        ("message_direction", pa.string()),
        ("message_state", pa.string()),
        ("message_type", pa.string()),
        ("from_number", pa.string()),
        ("to_number", pa.string()),
        ("units", pa.int32()),
        ("total_rate", MONEY),
        ("total_amount", MONEY),
        ("carrier_fees", MONEY),
        ("carrier_fees_rate", MONEY),
        ("error_code", pa.string()),
        ("error_message", pa.string()),
        ("destination_country_iso2", pa.string()),
        ("destination_network", pa.string()),
        ("mcc", pa.string()),
        ("mnc", pa.string()),
        ("powerpack_id", pa.string()),
        ("requester_ip", pa.string()),
        ("is_domestic", pa.bool_()),
        ("replaced_sender", pa.string()),
        ("tendlc_campaign_id", pa.string()),
        ("tendlc_registration_status", pa.string()),
        ("dlt_entity_id", pa.string()),
        ("dlt_template_id", pa.string()),
        ("dlt_template_category", pa.string()),
        ("conversation_id", pa.string()),
        ("conversation_origin", pa.string()),
        ("conversation_expiration_timestamp", UTC_TIME),
        ("log", pa.string()),
        ("resource_uri", pa.string()),
        ("cloud_rate", MONEY),
        ("carrier_rate", MONEY),
        ("untyped_values", pa.int32()),  # values of `record` that their columns do not show
    ]
)

MESSAGES = pa.schema(
    [
        pa.field("message_uuid", pa.string(), nullable=False),
        ("direction", pa.string()),
        ("type", pa.string()),
        ("from_number", pa.string()),
        ("to_number", pa.string()),
        ("country", pa.string()),
        ("mcc", pa.string()),
        ("mnc", pa.string()),
        ("carrier", pa.string()),
        ("powerpack_uuid", pa.string()),
        ("message_time", UTC_TIME),
        ("queued_at", UTC_TIME),
        ("sent_at", UTC_TIME),
        ("final_at", UTC_TIME),
        ("state", pa.string()),
        ("outcome", pa.string()),
        ("error_code", pa.string()),
        ("parts_seen", pa.int32()),
        ("parts_expected", pa.int32()),
        ("units", pa.int32()),
        ("total_amount", MONEY),
        ("carrier_fees", MONEY),
        ("match", pa.string()),
        ("report_state", pa.string()),
        ("log_state", pa.string()),
        ("reports", pa.int32()),
        ("duplicate_reports", pa.int32()),
        ("mixed", pa.bool_()),
        ("last_sign_at", UTC_TIME),
        ("final_parts", pa.int32()),
        ("final_parts_reported", pa.int32()),
        ("out_of_order_reports", pa.int32()),
        ("state_changes", pa.int32()),
        ("guessed_time", pa.bool_()),
        ("never_reported", pa.bool_()),
        ("account", pa.string()),
        ("campaign", pa.string()),
        ("tag", pa.string()),
        ("untyped_values", pa.int32()),
        ("window_read", pa.bool_()),
        ("window_how", pa.string()),  # how the log was read there: listed, counted, imported
        ("clock_shift_minutes", pa.int32()),  # reports' clock minus the log's; null: not comparable
    ]
)

# Of `messages/` the columns whose values hardly ever repeat.
DIVERSE = (
    "message_uuid", "to_number", "message_time", "queued_at", "sent_at", "final_at", "last_sign_at",
)  # fmt: skip
