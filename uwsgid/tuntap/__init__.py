"""The TunTap router: jailed vassals get their network from one small process."""
