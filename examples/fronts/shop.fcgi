#!/bin/sh
exec uwsgid /srv/shop/fcgid.ini
