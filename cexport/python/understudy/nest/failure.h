// How an error that comes up while NEST simulates reaches the user.
#ifndef UNDERSTUDY_NEST_FAILURE_H
#define UNDERSTUDY_NEST_FAILURE_H

#include <atomic>
#include <cstddef>
#include <limits>
#include <mutex>
#include <set>
#include <string>

namespace understudy
{

// With several threads NEST 3.10 hangs when one of them throws: the others wait for it at
// the end of the slice. So then an error is logged and noted, and all threads throw it
// in the next slice, if every one of them has a node of ours that can. Where that does
// not come, the next call of Simulate throws it.
class Failure
{
public:
  // Throws KernelException, or notes it. now: where the slice begins, in NEST's steps.
  void raise( const std::string& what, long now );

  // Called by nodes at the beginning of a slice: throws what was noted in an earlier one.
  void
  check( long now )
  {
    if ( now > since_.load( std::memory_order_relaxed ) )
    {
      rethrow();
    }
  }

  // Called by nodes before a simulation, on their thread: throws what was noted at all.
  void prepare( std::size_t thread );

  void clear();

private:
  [[noreturn]] void rethrow() const;

  std::atomic< long > since_ = never;
  std::mutex mutex_;
  std::string what_;
  std::set< std::size_t > threads_; // that have nodes

  static constexpr long never = std::numeric_limits< long >::max();
};

} // namespace understudy

#endif
