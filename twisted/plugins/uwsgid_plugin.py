"""Makes ``twistd uwsgid`` exist."""

from twisted.application.service import ServiceMaker

uwsgid = ServiceMaker(
    "uwsgid", "uwsgid.door.service", "An application server that reads uWSGI's configuration.", "uwsgid"
)
