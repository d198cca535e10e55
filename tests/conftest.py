"""What holds for every test."""

from hypothesis import HealthCheck, settings

# No deadline an example: a busy machine must not fail a build.
settings.register_profile("callserver", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("callserver")
