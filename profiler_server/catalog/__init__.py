"""What is being watched: services, their instances, releases and markers."""
