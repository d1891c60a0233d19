"""Four public stories of services that grew, died or stuttered, lived through with Plimsoll."""
