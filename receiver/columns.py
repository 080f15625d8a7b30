"""[pure] The Arrow schema of `reports/`: every callback as received, nothing parsed.

Columns are only ever added. Times are timestamp[us, UTC]; all else is text, null where Plivo sent
nothing. A value that cannot be understood is stored all the same; what has no column stays in
`body`.
"""

import pyarrow as pa

UTC_TIME = pa.timestamp("us", tz="UTC")

# Plivo's parameter -> our column. Names and meaning: Plivo's message status callback reference.
PARAMETERS = {
    "MessageUUID": "message_uuid",
    "ParentMessageUUID": "parent_message_uuid",
    "PartInfo": "part_info",
    "Sequence": "sequence",
    "Status": "status",
    "ErrorCode": "error_code",
    "From": "from_number",
    "To": "to_number",
    "Type": "type",
    "Units": "units",
    "TotalRate": "total_rate",
    "TotalAmount": "total_amount",
    "MCC": "mcc",
    "MNC": "mnc",
    "MessageTime": "message_time",
    "QueuedTime": "queued_time",
    "SentTime": "sent_time",
    "DeliveryReportTime": "delivery_report_time",
    "PowerpackUUID": "powerpack_uuid",
    "requester_ip": "requester_ip",
    "Text": "text",
}

REPORTS = pa.schema(
    [
        pa.field("report_id", pa.string(), nullable=False),
        pa.field("received_at", UTC_TIME, nullable=False),
        ("kind", pa.string()),
        ("http_method", pa.string()),
        ("account", pa.string()),
        ("signature", pa.string()),
        ("body", pa.string()),
        ("query", pa.string()),
        *((column, pa.string()) for column in PARAMETERS.values()),
    ]
)
