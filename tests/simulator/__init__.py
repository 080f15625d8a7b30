"""The pretend Plivo: sends, reports, keeps a log, and knows what really happened."""

from tests.simulator.api import build_app
from tests.simulator.callbacks import report_parameters
from tests.simulator.driver import Driver
from tests.simulator.faults import Faults
from tests.simulator.messages import Message, Order
from tests.simulator.past import Orders, PastRow, PastSimulation, reports_of, rows_of
from tests.simulator.posting import Deliver, HttpPoster
from tests.simulator.recorder import Posted, Recorder
from tests.simulator.server import Served
from tests.simulator.settings import Account, Credentials, Settings
from tests.simulator.simulation import Simulation
from tests.simulator.traffic import orders, replies
from tests.simulator.truth import LogRowTruth, MessageTruth, PartTruth, ReportTruth

__all__ = [
    "Account",
    "Credentials",
    "Deliver",
    "Driver",
    "Faults",
    "HttpPoster",
    "LogRowTruth",
    "Message",
    "MessageTruth",
    "Order",
    "Orders",
    "PartTruth",
    "PastRow",
    "PastSimulation",
    "Posted",
    "Recorder",
    "ReportTruth",
    "Served",
    "Settings",
    "Simulation",
    "build_app",
    "orders",
    "replies",
    "report_parameters",
    "reports_of",
    "rows_of",
]
