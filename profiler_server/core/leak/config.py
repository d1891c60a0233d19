"""Every knob of the detector, by name, with what it means and why it stands where it does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DetectorConfig:
    """Constants of the method. Hours are hours of the detector's clock (`ts × time_scale`); shares are of the floor."""

    points_per_block: int = 4
    """Samples in the finest block: enough for a median that one spike does not move."""
    max_blocks: int = 128
    """Blocks kept per process life; when full, neighbours are merged and blocks become twice as long."""
    max_lives: int = 16
    """Process lives kept per service, newest first."""
    history_hours: float = 15 * 24.0
    """How far back a life may have ended and still count."""
    start_share: float = 0.1
    """First share of a life's age that is left out: every process fills its pools when it starts."""
    load_lags_hours: tuple[float, ...] = (0.4, 1.0, 2.5, 6.0)
    """Time constants of the load averages that memory may follow with a lag."""
    cadence_share: float = 0.03
    """A service is judged anew when its youngest history has grown by this share."""
    max_cadence_hours: float = 2.0
    """But never later than this."""
    suspect_cadence: float = 0.5
    """A service under suspicion is looked at after this share of that time."""

    min_hours: float = 1.0
    """Less observed time than this, in every life, is too little to say anything."""
    min_blocks: int = 5
    """The same in blocks of one life."""
    min_coverage: float = 0.25
    """Share of the expected samples that must have arrived."""

    correlation_hours: tuple[float, ...] = (0.05, 0.2, 0.6, 2.0, 6.0, 20.0, 60.0)
    """Correlation times of the noise that are averaged over; the longest is close to a random walk."""
    warm_hours: tuple[float, ...] = (0.15, 0.4, 0.8, 1.4, 2.4, 4.0, 6.5, 11.0, 18.0, 32.0)
    """Time constants of a saturating warm-up, in hours since start or in the requests of as many hours."""
    growth_scales: tuple[float, ...] = (0.005, 0.03, 0.15, 0.8, 4.0)
    """Prior scales of a leak's growth over the window, as shares of the floor; each is as likely as the next."""
    new_warm_up: float = 0.005
    """How often a release brings a slow warm-up that its predecessors did not have, though it would have been seen."""
    own_warm_up: float = 0.05
    """How often one replica warms up slowly while its siblings, seen at the same age, do not."""
    warm_scale: float = 0.5
    """Prior scale of a warm-up's amplitude, as a share of the floor."""
    load_scale: float = 0.3
    """Prior scale of the floor's response, as a share of it, to an average of the load that moves by the mean load."""

    screen_sigmas: float = 2.0
    """A group whose own growth is below this many standard errors is not tested in full."""
    log_odds_leak: float = 3.5
    """Posterior log odds of a leak against all innocent accounts at which a finding is made (e^3.5 ≈ 33 : 1)."""
    log_odds_unusual: float = 4.0
    """What an unusual clock (errors, a bent line) must show on top."""
    log_odds_confirmed: float = 1.5
    """Log odds that suffice where call sites confirm the growth by themselves."""
    log_odds_pressing: float = 2.0
    """Log odds that suffice for a process that is no longer young and will meet its limit within hours."""
    log_odds_suspect: float = 0.0
    """From here a service is under suspicion: call sites are read and its history is kept whole."""
    min_growth_share_per_day: float = 0.0005
    """Slower growth than this share of the floor per day never makes a finding by itself."""
    min_growth_share: float = 0.006
    """Nor does total growth below this share of the floor."""
    min_lesser_growth: float = 0.02
    """Parts of memory beside the one that the program allocates from must grow by this share of resident memory."""
    min_resource_growth: float = 0.25
    """Threads, descriptors and goroutines come in whole numbers and small: they must grow by this share."""
    late_slope_ratio: float = 0.5
    """The last third must still climb at this share of the whole slope."""
    burst_ratio: float = 2.0
    """But not at more than so many times the whole slope: that is a burst that has yet to show whether it lasts."""
    early_slope_ratio: float = 0.2
    """The first part must have climbed too: a late burst is a batch job until it has lasted."""
    min_rows: int = 20
    """Blocks over all lives below which no odds are believed."""
    misfit_tax: float = 0.12
    """No model is exact: a leak must beat a warm-up by this share of what the warm-up gains over nothing."""
    remains_ratio: float = 0.3
    """No warm-up is an exact exponential: a leak beside one must be this share of what the warm-up shows meanwhile."""
    give_back_ratio: float = 0.3
    """The low of the last third must stand above the first third by this share of the growth claimed between them."""
    confirmed_misfit_tax: float = 0.2
    """The same where call sites confirm: a filling cache has a growing call site too."""
    bent_misfit_tax: float = 0.15
    """The same for memory that only the kernel sees."""
    fall_ratio: float = 0.7
    """No process may have lost this share of the growth claimed for it in one fall, load taken out."""
    lately_hours: float = 5.0
    """Growth that is younger than its process must have lasted so long: jobs grow for hours and give it back."""
    young_hours: float = 12.0
    """Growth since birth is taken for filling caches and sessions until this age …"""
    young_growth: float = 1.0
    """… or half of it, if the floor has grown by this share of where it began."""
    compared_patience: float = 0.4
    """Share of that age which is waited for where others, seen at that age, would have shown a slow warm-up."""
    native_young_hours: float = 16.0
    """The same age for memory that only the kernel sees: page cache and fragments fill for longer."""
    limit_horizon_hours: float = 6.0
    """A limit so near, and near in bytes too, leaves no time for more certainty."""
    calm_share: float = 0.3
    """A finding ends when growth is surely below this share of what it was …"""
    calm_hours: float = 24.0
    """A process that leaked itself must have been calm for so long: one day of load."""
    calm_evaluations: int = 3
    """… in so many evaluations in a row."""
    forecast_horizon_hours: float = 60 * 24.0
    """Forecasts beyond this are not made."""
    site_false_discovery_rate: float = 0.05
    """Share of falsely accused call sites that is tolerated among the accused."""
    service_false_discovery_rate: float = 0.1
    """Share of false findings that is tolerated among all findings of the services looked at in one run."""
    site_share_confirms: float = 0.6
    """Growing sites that explain this share of the floor's growth confirm a heap leak."""


DEFAULT_CONFIG = DetectorConfig()
