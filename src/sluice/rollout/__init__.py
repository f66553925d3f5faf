"""Rollouts: a release rendered by Kustomize, held to its lock and to the cluster's capacity, and made true there."""
