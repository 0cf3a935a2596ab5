"""Waiting lines that have exact answers: M/M/c, Pollaczek-Khinchine, Little's law.

References:
    Erlang (1917), Elektroteknikeren 13:5.
    Gross, Shortle, Thompson and Harris (2008), Fundamentals of Queueing Theory, 4th ed., Wiley,
    doi:10.1002/9781118625651, sec. 2.4 (M/M/c) and 5.1 (M/G/1).
    Little (1961), Oper. Res. 9:383, doi:10.1287/opre.9.3.383.
"""

from __future__ import annotations

from dataclasses import dataclass

from goldenbatch.science.errors import DesignError


@dataclass(frozen=True, slots=True)
class Queue:
    """Long-run figures of a waiting line; times in the unit of the rates' inverse.

    Attributes:
        utilisation: share of time that one server is busy.
        p_wait: that an arrival has to wait.
        mean_waiting: number waiting.
        mean_present: number waiting or served.
        waiting_time: mean, of all arrivals.
        time_present: mean, waiting and service.
    """

    utilisation: float
    p_wait: float
    mean_waiting: float
    mean_present: float
    waiting_time: float
    time_present: float


def erlang_b(n_servers: int, offered: float) -> float:
    """Return the share of arrivals lost where nobody may wait.

    Args:
        n_servers: 0 or more.
        offered: load in erlang (arrival rate times mean service time), over 0.

    Raises:
        DesignError: servers or load below their range.

    References:
        Erlang (1917); by the stable recursion over servers.

    >>> round(erlang_b(10, 5.0), 4)
    0.0184
    """
    if n_servers < 0 or offered <= 0:
        raise DesignError(f"{n_servers} servers at {offered} erlang: give 0 and over 0")
    lost = 1.0
    for n in range(1, n_servers + 1):
        lost = offered * lost / (n + offered * lost)
    return lost


def erlang_c(n_servers: int, offered: float) -> float:
    """Return the share of arrivals that wait where everybody may wait.

    Raises:
        DesignError: a load that the servers cannot carry.

    References:
        Erlang (1917).

    >>> round(erlang_c(2, 1.0), 6)
    0.333333
    """
    lost = erlang_b(n_servers, offered)
    if offered >= n_servers:
        raise DesignError(f"{n_servers} servers cannot carry {offered} erlang; the line grows")
    share = offered / n_servers
    return lost / (1 - share * (1 - lost))


def mmc(n_servers: int, arrival_rate: float, service_rate: float) -> Queue:
    """Solve the line with exponential arrivals and services and any number of servers.

    Args:
        n_servers: 1 or more.
        arrival_rate: arrivals a unit of time.
        service_rate: of one server.

    Raises:
        DesignError: rates that are not over 0, or a load that the servers cannot carry.

    References:
        Gross et al. (2008), sec. 2.4.

    >>> queue = mmc(1, 0.5, 1.0)
    >>> queue.mean_present, queue.time_present
    (1.0, 2.0)
    """
    if arrival_rate <= 0 or service_rate <= 0 or n_servers < 1:
        raise DesignError("a waiting line needs a server and rates over 0")
    offered = arrival_rate / service_rate
    p_wait = erlang_c(n_servers, offered)
    waiting_time = p_wait / (n_servers * service_rate - arrival_rate)
    present = waiting_time + 1 / service_rate
    return Queue(
        utilisation=offered / n_servers,
        p_wait=p_wait,
        mean_waiting=arrival_rate * waiting_time,
        mean_present=arrival_rate * present,
        waiting_time=waiting_time,
        time_present=present,
    )


def mg1(arrival_rate: float, mean_service: float, service_variance: float) -> Queue:
    """Solve the line with one server and services of any distribution.

    Args:
        arrival_rate: of exponential arrivals, a unit of time.
        mean_service: of a service, in that unit of time.
        service_variance: of a service.

    Raises:
        DesignError: a load of 1 or more, or a negative variance.

    References:
        Pollaczek (1930); Gross et al. (2008), sec. 5.1.1.

    >>> mg1(0.5, 1.0, 0.0).waiting_time
    0.5
    """
    load = arrival_rate * mean_service
    if not 0 < load < 1 or service_variance < 0:
        raise DesignError(f"one server cannot carry {load} erlang; give a load over 0, under 1")
    waiting_time = arrival_rate * (service_variance + mean_service**2) / (2 * (1 - load))
    present = waiting_time + mean_service
    return Queue(
        load, load, arrival_rate * waiting_time, arrival_rate * present, waiting_time, present
    )
